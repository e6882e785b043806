/** Two writes are behind an acknowledgement: the message, and that its session has work to do. What if only the first is there? */
import { setImmediate } from 'node:timers/promises'
import {
  type AppendLog,
  BeamClaw,
  BeamClawError,
  defaultTenant,
  defineAgent,
  type FencingToken,
  MemoryStore,
  type Provider,
  type RunningBeamClaw,
  type StoreKey,
  silentLogger,
} from '@beamclaw/core'
import { wrapLog } from '@beamclaw/core/adapter'
import { DemoProvider } from '@beamclaw/providers/demo'
import { describe, expect, test } from 'vitest'

/** Does something else with the first append to the list of busy sessions. */
class ForgetfulStore extends MemoryStore {
  readonly #firstAppend: () => Promise<void>
  #isFirst = true

  constructor(firstAppend: () => Promise<void>) {
    super()
    this.#firstAppend = firstAppend
  }

  override async openLog(key: StoreKey, token: FencingToken): Promise<AppendLog> {
    const log = await super.openLog(key, token)
    if (key[1] !== 'activity') return log
    return wrapLog(log, {
      append: (records) => {
        if (!this.#isFirst) return log.append(records)
        this.#isFirst = false
        return this.#firstAppend()
      },
    })
  }
}

/** Begins, and never ends. */
const silent: Provider = {
  async *doStream() {
    yield { type: 'text-delta', text: 'Well' }
    await new Promise(() => {})
  },
  listModels: async () => [],
}

function start(store: MemoryStore, demo: Provider): Promise<RunningBeamClaw> {
  const agents = [defineAgent({ id: 'main', model: 'demo/demo-1' })]
  return new BeamClaw({ providers: { demo }, agents, store, services: { logger: silentLogger } }).start()
}

const journal: StoreKey = [defaultTenant, 'sessions', 'main', 'main']
const one = { idempotencyKey: 'one' }

describe('when a message is durable, and that its session is busy is not', () => {
  test('a sender that was refused sends again with the same key, and gets its answer', { timeout: 500 }, async () => {
    const store = new ForgetfulStore(() => Promise.reject(new BeamClawError('store-io', 'The disk failed, once')))
    const session = (await start(store, new DemoProvider())).session('agent:main:main')
    await expect(session.send('hello', one).accepted).rejects.toMatchObject({ code: 'store-io' })
    expect((await session.send('hello', one).result()).text).not.toBe('')
  })

  test('a crash, a repeat that is acknowledged, and another crash: the run is taken up again', async () => {
    const store = new ForgetfulStore(() => new Promise(() => {}))
    const first = await start(store, silent)
    const sent = first.session('agent:main:main').send('hello', one).accepted
    sent.catch(() => {})
    while ((await store.readLog(journal, { fromSeq: 1, limit: 1 }))?.records.length !== 1) await setImmediate()
    first.kill()
    const second = await start(store, silent)
    expect(['waiting', 'running']).toContain((await second.session('agent:main:main').send('hello', one).accepted).status)
    for await (const event of second.session('agent:main:main').subscribe()) if (event.type === 'model-request') break
    second.kill()
    expect(await (await start(store, new DemoProvider())).resumed).toBe(1)
  })
})
