import { flushEventLoop } from '@beamclaw/actor/testing'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { BeamClawError } from '../base/errors.ts'
import { MemoryStore } from '../defaults/memory-store.ts'
import { FunctionModel, type Stage, stage } from '../testing/model.ts'
import { TroubledStore } from '../testing/troubled-store.ts'
import { Session } from './session.ts'
import type { SessionHandle } from './session-handle.ts'
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

/** A store whose deletions wait for a gate while there is one: that of the settings with its answer, the others before they take effect. */
class GatedDeletions extends MemoryStore {
  journal: Promise<void> | undefined
  attachments: Promise<void> | undefined
  settings: Promise<void> | undefined

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

  override async delete(...args: Parameters<MemoryStore['delete']>): Promise<boolean> {
    const isGone = await super.delete(...args)
    if (args[0].at(-1) === 'metadata') await this.settings
    return isGone
  }
}

describe('a session that was killed while it was deleted', () => {
  async function deleted(
    gate: 'journal' | 'attachments' | 'settings',
  ): Promise<{ readonly set: Stage; readonly goOn: (failure?: Error) => Promise<void>; end(): void }> {
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
    const { promise, resolve, reject } = Promise.withResolvers<void>()
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
    const goOn = async (failure?: Error): Promise<void> => {
      if (failure === undefined) resolve()
      else reject(failure)
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

  test('does not forget the work of the session that was begun after it', async () => {
    const { set, goOn, end } = await deleted('settings')
    await goOn()
    expect(await isDrained(set)).toBe(false)
    end()
    await set.restart()
    expect(await set.claw.resumed).toBe(1)
  })

  test('does not put its next incarnation to rest when it fails then', async () => {
    const { set, goOn } = await deleted('attachments')
    onTestFinished(() => set.claw.kill())
    await goOn(new BeamClawError('store-io', 'broken disk'))
    expect(await isDrained(set)).toBe(false)
  })
})

describe('what a killed session still reads', () => {
  test.each<[string, (session: SessionHandle) => Promise<unknown>]>([
    ['was only looked at', (session) => session.inspect()],
    ['was about to go on', (session) => session.history()],
  ])('changes nothing outside of it, where it %s: lists keep the newer title', async (_, read) => {
    const kill = killer()
    const store = new TroubledStore()
    // Work without an end: no entry is written after it.
    const set = await stage(new FunctionModel(() => new Promise(() => {})), {}, { store, resume: 'on-demand' })
    onTestFinished(() => set.claw.kill())
    await set.claw.session(key).configure({ title: 'older' })
    await set.claw.session(key).send('hi').accepted
    await turns()
    const session = (await set.restart()).session(key)
    const late = Promise.withResolvers<void>()
    store.read = () => late.promise
    const outcome = read(session).catch(({ code }) => code)
    await turns()
    // Only that of the killed one waits.
    store.read = async () => {}
    await kill()
    expect(await outcome).toBe('actor-killed')
    await session.configure({ title: 'newer' })
    late.resolve()
    await turns()
    expect((await set.claw.sessions()).map(({ settings }) => settings.title)).toEqual(['newer'])
  })
})

describe('a command of a session that was killed while it woke', () => {
  test.each<[string, (session: SessionHandle) => Promise<unknown>]>([
    ['message', (session) => session.send('late').accepted],
    ['change of its settings', (session) => session.configure({ label: 'late' })],
  ])('does nothing: a %s', async (_, command) => {
    const kill = killer()
    const store = new TroubledStore()
    // A run was cancelled before it began, and a crash came before its end was written: to wake up is to write that.
    const log = await store.openLog(['default', 'sessions', 'main', 'main'] as never, { epoch: 1, nonce: 'n' } as never)
    const left = [
      { type: 'message-in', data: { runId: 'one', message: { role: 'user', content: 'one' }, queueMode: 'queue' } },
      { type: 'run-cancel', data: { runId: 'one', reason: 'abort' } },
    ]
    await log.append(left.map(({ type, data }, index) => ({ seq: index + 1, type, id: `${index}`, ts: 1, data })) as never)
    await log.close()
    const set = await stage(new FunctionModel(() => ({ text: 'fine' })), {}, { store, resume: 'on-demand' })
    onTestFinished(() => set.claw.kill())
    const session = set.claw.session(key)
    // In memory, and not awake.
    await session.inspect()
    const woken = Promise.withResolvers<void>()
    const ends: string[] = []
    store.after = (records) => {
      ends.push(...records.map(({ type }) => type))
      return woken.promise
    }
    const outcome = command(session).catch(({ code }) => code)
    await turns()
    expect(ends).toEqual(['run-end'])
    store.after = async () => {}
    await kill()
    woken.resolve()
    expect(await outcome).toBe('actor-killed')
    await turns()
    expect(await isDrained(set)).toBe(true)
    // Read anew: the next incarnation has had the settings in memory since before.
    const { messages, settings } = await (await set.restart()).session(key).export()
    expect([messages, settings]).toEqual([[], {}])
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
