/** Sessions whose work only their own files tell: the list of busy sessions is lost, or the file comes from another data directory. */
import { copyFile, mkdir, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { BeamClaw, defineAgent, type Provider, type RunningBeamClaw } from '@beamclaw/core'
import { describe, expect, onTestFinished, test } from 'vitest'
import { FsStore } from './fs-store.ts'
import { scratchDirectory } from './testing/scratch.ts'

const key = 'agent:main:moved'
const ownFile = join('default', 'sessions', 'main', 'moved.log.jsonl')

/** Says "after all", once it answers. */
function provider(answers: boolean): Provider & { requests: number } {
  return {
    requests: 0,
    async *doStream(_, { signal }) {
      this.requests += 1
      if (!answers) await new Promise((_, reject) => signal.addEventListener('abort', () => reject(new Error('ended'))))
      yield { type: 'text-delta', text: 'after all' }
      yield { type: 'finish', reason: 'stop', usage: { inputTokens: 1, outputTokens: 1, cacheReadTokens: 0, cacheWriteTokens: 0 } }
    },
  }
}

/** A BeamClaw over files, which is killed at the end of the test. */
async function over(path: string, model = provider(true)) {
  const store = new FsStore({ path })
  const events: string[] = []
  const logger = { log: (_: string, event: string) => void events.push(event) }
  const claw = await new BeamClaw({
    providers: { test: model },
    agents: [defineAgent({ id: 'main', model: 'test/model' })],
    store,
    services: { logger },
  }).start()
  const end = async (): Promise<void> => {
    claw.kill()
    await store.stop()
  }
  onTestFinished(end)
  return { claw, model, events, end }
}

async function folders(): Promise<{ readonly from: string; readonly to: string }> {
  const scratch = await scratchDirectory('memory')
  onTestFinished(() => scratch[Symbol.asyncDispose]())
  return { from: join(scratch.path, 'from'), to: join(scratch.path, 'to') }
}

/** A data directory whose process was killed in the middle of a run, beside a session at rest. */
async function interrupted(path: string): Promise<void> {
  const { claw, model, end } = await over(path, provider(false))
  await claw.session('agent:main:idle').configure({ label: 'idle' })
  await claw.session(key).send('hello', { idempotencyKey: 'one' }).accepted
  while (model.requests === 0) await new Promise((resolve) => setImmediate(resolve))
  await end()
}

async function copySession(from: string, to: string): Promise<void> {
  await mkdir(dirname(join(to, ownFile)), { recursive: true })
  await copyFile(join(from, ownFile), join(to, ownFile))
}

const ended = (claw: RunningBeamClaw): Promise<void> => {
  const { promise, resolve } = Promise.withResolvers<void>()
  claw.on('run-end', () => resolve())
  return promise
}

describe('the file of a session that was killed in a run, copied into another data directory', () => {
  test('goes on at its first use, and is listed from then on', async () => {
    const { from, to } = await folders()
    await interrupted(from)
    const first = await over(to)
    await first.claw.session('agent:main:own').send('hi').result()
    await copySession(from, to)
    expect((await first.claw.session(key).follow('one').result()).text).toBe('after all')
    expect((await first.claw.sessions()).map(({ preview }) => preview)).toEqual(['after all', 'after all'])
    await first.claw.stop()
    const { claw, model } = await over(to)
    expect((await claw.sessions()).map(({ sessionKey }) => sessionKey)).toEqual([key, 'agent:main:own'])
    expect(model.requests).toBe(0)
  })

  test.each(['without a use, after the index was made anew', 'into a new directory'])('goes on at the next start: %s', async (how) => {
    const { from, to } = await folders()
    await interrupted(from)
    if (how.startsWith('without')) {
      const first = await over(to)
      await first.claw.session('agent:main:own').send('hi').result()
      await first.claw.stop()
      await rm(join(to, 'index.sqlite'))
    }
    await copySession(from, to)
    const { claw, model } = await over(to)
    await ended(claw)
    expect((await claw.session(key).history()).total).toBe(2)
    expect(model.requests).toBe(1)
    expect((await claw.sessions({ prefix: key })).map(({ preview }) => preview)).toEqual(['after all'])
  })
})

describe('a data directory whose list of busy sessions is gone', () => {
  test.each(['deleted', 'damaged'])('wakes the session with work, and no other: %s', async (how) => {
    const { from } = await folders()
    await interrupted(from)
    const list = join(from, 'default', 'activity.log.jsonl')
    if (how === 'deleted') await rm(list)
    else await writeFile(list, 'what somebody wrote\n')
    const { claw, model, events } = await over(from)
    expect(await claw.resumed).toBe(1)
    expect((await claw.session(key).follow('one').result()).text).toBe('after all')
    expect(model.requests).toBe(1)
    expect(await claw.sessions()).toHaveLength(2)
    expect(events).toContain('activity.lost')
    expect(events).toContain('index.rebuilt')
    await claw.stop()
    const next = await over(from)
    expect(await next.claw.resumed).toBe(0)
    expect(next.events).not.toContain('activity.lost')
    expect(next.model.requests).toBe(0)
  })

  test('wakes it although the process ends before all journals were read', async () => {
    const { from } = await folders()
    await interrupted(from)
    await rm(join(from, 'default', 'activity.log.jsonl'))
    const first = await over(from, provider(false))
    await first.end()
    const { claw } = await over(from)
    expect((await claw.session(key).follow('one').result()).text).toBe('after all')
    expect(await claw.sessions()).toHaveLength(2)
  })
})
