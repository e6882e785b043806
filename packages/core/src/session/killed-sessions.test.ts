import { flushEventLoop } from '@beamclaw/actor/testing'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { MemoryStore } from '../defaults/memory-store.ts'
import { FunctionModel, type Stage, stage } from '../testing/model.ts'
import { TroubledStore } from '../testing/troubled-store.ts'
import { Session } from './session.ts'
import { caller, first, scene } from './testing/approval-scene.ts'

const key = 'agent:main:main'

/** Returns what kills the incarnation of the moment. */
function killer(): () => Promise<void> {
  const init = vi.spyOn(Session.prototype, 'init')
  onTestFinished(() => init.mockRestore())
  return async () => {
    const made: readonly unknown[] = init.mock.contexts
    ;(made.at(-1) as Session).kill()
    await turns()
  }
}

async function turns(count = 8): Promise<void> {
  for (let turn = 0; turn < count; turn++) await flushEventLoop()
}

async function isDrained({ claw }: Stage): Promise<boolean> {
  let drained = false
  void claw.drain().then(() => {
    drained = true
  })
  await turns(20)
  return drained
}

/** A store whose deletions wait for a gate while there is one. */
class GatedDeletions extends MemoryStore {
  journal: Promise<void> | undefined
  attachments: Promise<void> | undefined

  constructor() {
    super()
    const deleteAll = this.blobs.deleteAll.bind(this.blobs)
    Object.assign(this.blobs, {
      deleteAll: async (...args: Parameters<typeof deleteAll>) => {
        await this.attachments
        return deleteAll(...args)
      },
    })
  }

  override async deleteLog(...args: Parameters<MemoryStore['deleteLog']>): Promise<boolean> {
    await this.journal
    return super.deleteLog(...args)
  }
}

describe('a session that was killed while it was deleted', () => {
  async function deleted(
    gate: 'journal' | 'attachments',
  ): Promise<{ readonly set: Stage; readonly goOn: () => Promise<void>; end(): void }> {
    const kill = killer()
    const store = new GatedDeletions()
    let isEndless = false
    const set = await stage(
      new FunctionModel(async () => {
        if (isEndless) await new Promise(() => {})
        return { text: 'fine' }
      }),
      {},
      { store },
    )
    const session = set.claw.session(key)
    await session.configure({ label: 'before' })
    await session.send('one').result()
    await set.clock.advance(20_000)
    await turns()
    const { promise, resolve } = Promise.withResolvers<void>()
    store[gate] = promise
    const outcome = session.delete().catch(({ code }) => code)
    await turns()
    // Only that of the killed one waits.
    store[gate] = undefined
    await kill()
    expect(await outcome).toBe('actor-killed')
    isEndless = true
    await session.configure({ label: 'after' })
    await session.send('two').accepted
    await turns()
    const goOn = async (): Promise<void> => {
      resolve()
      await turns()
      await set.clock.advance(30_000)
      await turns()
    }
    const end = (): void => {
      isEndless = false
    }
    return { set, goOn, end }
  }

  test('ends no work of the next incarnation', async () => {
    const { set, goOn, end } = await deleted('journal')
    await goOn()
    expect(await isDrained(set)).toBe(false)
    end()
    await set.restart()
    expect(await set.claw.resumed).toBe(1)
  })

  test('removes nothing of the session that was begun after it', async () => {
    const { set, goOn, end } = await deleted('attachments')
    await goOn()
    end()
    await set.restart()
    expect(await set.claw.resumed).toBe(1)
    expect((await set.claw.session(key).configure({})).label).toBe('after')
  })
})

test('a command of a killed session does not list it anew', async () => {
  const kill = killer()
  const store = new TroubledStore('activity')
  const set = await scene(caller('prod'), {}, {}, { store })
  const session = set.claw.session(key)
  void session
    .send('go')
    .result()
    .catch(() => {})
  await first(set)
  await set.clock.advance(61_000)
  await turns()
  const { promise, resolve } = Promise.withResolvers<void>()
  store.before = () => promise
  const outcome = session.abort('no-such-run').catch(({ code }) => code)
  await turns()
  await kill()
  // The next incarnation finds the run that waits.
  await session.inspect()
  await turns()
  resolve()
  expect(await outcome).toBe('actor-killed')
  await turns(20)
  expect(await isDrained(set)).toBe(true)
})

test('a session whose run waits for a decision is at rest again after it was configured', async () => {
  const set = await scene(caller('prod'))
  const session = set.claw.session(key)
  void session
    .send('go')
    .result()
    .catch(() => {})
  await first(set)
  await session.configure({ label: 'after' })
  await turns()
  expect(await isDrained(set)).toBe(true)
})
