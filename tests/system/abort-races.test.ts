/** Aborts that meet a run in the moment it begins, on a disk that takes its time. */

import {
  type AppendLog,
  BeamClaw,
  defineAgent,
  type FencingToken,
  type LogEntry,
  MemoryStore,
  type Provider,
  type RunningBeamClaw,
  type StoreKey,
  silentLogger,
} from '@beamclaw/core'
import { wrapLog } from '@beamclaw/core/adapter'
import { describe, expect, test } from 'vitest'

/** Writes a moment later, in order, and tells what is about to be written. */
class SlowStore extends MemoryStore {
  readonly records: LogEntry[] = []
  onAppend: (records: readonly LogEntry[]) => void = () => {}

  override async openLog(key: StoreKey, token: FencingToken): Promise<AppendLog> {
    const log = await super.openLog(key, token)
    if (key[1] !== 'sessions') return log
    let last: Promise<void> = Promise.resolve()
    return wrapLog(log, {
      append: (records) => {
        this.onAppend(records)
        this.records.push(...records)
        last = last.then(() => new Promise<void>((resolve) => setTimeout(resolve, 5))).then(() => log.append(records))
        return last
      },
    })
  }

  /** The types of a run's records, and its outcomes. */
  storyOf(runId: string): readonly string[] {
    return this.records
      .filter(({ data }) => data.runId === runId)
      .map(({ type, data }) => (data.outcome === undefined ? type : `${type} ${data.outcome}`))
  }
}

/** A model that answers when the test releases it. */
class HeldProvider implements Provider {
  readonly released = Promise.withResolvers<void>()

  async *doStream() {
    await this.released.promise
    yield { type: 'text-delta' as const, text: 'done' }
    yield {
      type: 'finish' as const,
      reason: 'stop' as const,
      usage: { inputTokens: 1, outputTokens: 1, cacheReadTokens: 0, cacheWriteTokens: 0 },
    }
  }

  async listModels() {
    return []
  }
}

/** One run under way, and the message `two` behind it. */
async function stage(): Promise<{ claw: RunningBeamClaw; store: SlowStore; held: HeldProvider }> {
  const store = new SlowStore()
  const held = new HeldProvider()
  const claw = await new BeamClaw({
    providers: { held },
    agents: [defineAgent({ id: 'main', model: 'held/any' })],
    store,
    services: { logger: silentLogger },
  }).start()
  const session = claw.session('agent:main:main')
  for (const key of ['one', 'two']) await session.send('hello', { idempotencyKey: key }).accepted
  return { claw, store, held }
}

describe('an abort', () => {
  test('of a waiting message, twice at once: it ends once', async () => {
    const { claw, store } = await stage()
    const session = claw.session('agent:main:main')
    await Promise.all([session.abort('two'), session.abort('two')])
    expect(store.storyOf('two')).toEqual(['message-in', 'run-cancel', 'run-end aborted'])
    claw.kill()
  })

  test('of a message whose run is just beginning: the run ends, and the session goes on', async () => {
    const { claw, store, held } = await stage()
    const session = claw.session('agent:main:main')
    const aborted = Promise.withResolvers<unknown>()
    store.onAppend = (records) => {
      if (records.some(({ type, data }) => type === 'run-start' && data.runId === 'two'))
        session.abort('two').then(aborted.resolve, aborted.reject)
    }
    held.released.resolve()
    await aborted.promise
    expect((await session.send('hello', { idempotencyKey: 'three' }).result()).text).toBe('done')
    expect(store.storyOf('two').filter((type) => type.startsWith('run-end'))).toEqual(['run-end aborted'])
    expect(store.storyOf('two').at(-1)).toBe('run-end aborted')
    claw.kill()
  })
})
