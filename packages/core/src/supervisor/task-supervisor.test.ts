import { describe, expect, test } from 'vitest'
import { settled } from '../testing/manual-clock.ts'
import { gate } from '../testing/probe.ts'
import { recordingAmbient } from '../testing/tree.ts'
import { Supervisor } from './supervisor.ts'
import { TaskSupervisor } from './task-supervisor.ts'

describe('a task', () => {
  test('answers with what its function returns, now or later', async () => {
    const { ambient } = recordingAmbient()
    const tasks = await new TaskSupervisor().start(ambient)
    expect(await Promise.all([tasks.run(() => 1), tasks.run(async () => 2)])).toEqual([1, 2])
    expect(tasks.size).toBe(0)
  })

  test('that throws fails alone', async () => {
    const { ambient, events } = recordingAmbient()
    const tasks = await new TaskSupervisor({ id: 'tools' }).start(ambient)
    const other = tasks.run(async () => 'fine')
    await expect(
      tasks.run(() => {
        throw new Error('mine')
      }),
    ).rejects.toThrow('mine')
    expect(await other).toBe('fine')
    expect(tasks.isAlive).toBe(true)
    expect(events.filter(({ type }) => type === 'actor-exit')).toMatchObject([
      { id: 'tools/task-2', reason: { type: 'crashed' } },
      { id: 'tools/task-1', reason: { type: 'normal' } },
    ])
  })

  test('is cancelled when its time is up', async () => {
    const { ambient, clock } = recordingAmbient()
    const tasks = await new TaskSupervisor().start(ambient)
    let reason: unknown
    const run = tasks.run(({ signal }) => new Promise(() => signal.addEventListener('abort', () => (reason = signal.reason))), {
      timeoutMs: 100,
    })
    const failed = expect(run).rejects.toMatchObject({ code: 'task-timeout' })
    await clock.advance(100)
    await failed
    expect(reason).toMatchObject({ code: 'task-timeout' })
  })

  test('is cancelled with its caller, and never begins when that was too late', async () => {
    const { ambient } = recordingAmbient()
    const tasks = await new TaskSupervisor().start(ambient)
    const controller = new AbortController()
    const run = tasks.run(() => new Promise(() => {}), { signal: controller.signal })
    const failed = expect(run).rejects.toMatchObject({ code: 'call-aborted', cause: 'enough' })
    controller.abort('enough')
    await failed
    let didBegin = false
    await expect(tasks.run(() => (didBegin = true), { signal: controller.signal })).rejects.toMatchObject({ code: 'call-aborted' })
    expect(didBegin).toBe(false)
  })

  test('beyond the limit is refused', async () => {
    const { ambient } = recordingAmbient()
    const tasks = await new TaskSupervisor({ maxChildren: 1 }).start(ambient)
    const hold = gate()
    const first = tasks.run(() => hold.promise)
    await expect(tasks.run(() => 1)).rejects.toMatchObject({ code: 'max-children' })
    hold.resolve()
    await first
    expect(await tasks.run(() => 2)).toBe(2)
  })

  test('is told to end when its supervisor stops, and abandoned when it does not', async () => {
    const { ambient, clock } = recordingAmbient()
    const tasks = new TaskSupervisor()
    const tree = await new Supervisor({ children: [{ id: 'tools', start: () => tasks, shutdownMs: 1_000 }] }).start(ambient)
    const listening = tasks.run(({ signal }) => new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason))))
    const deaf = tasks.run(() => new Promise(() => {}))
    const outcomes = Promise.allSettled([listening, deaf])
    await settled()
    const stopped = tree.stop()
    await clock.advance(1_000)
    await stopped
    expect(await outcomes).toMatchObject([
      { status: 'rejected', reason: { code: 'actor-stopped' } },
      { status: 'rejected', reason: { code: 'actor-killed' } },
    ])
  })

  test('is shown in the tree while it runs', async () => {
    const { ambient } = recordingAmbient()
    const tasks = new TaskSupervisor({ id: 'tools' })
    const tree = await new Supervisor({ children: [{ id: 'tools', start: () => tasks }] }).start(ambient)
    const hold = gate()
    const run = tasks.run(() => hold.promise, { id: 'download' })
    expect(tree.tree().children).toMatchObject([{ id: 'tools', type: 'supervisor', children: [{ id: 'download', state: 'running' }] }])
    hold.resolve()
    await run
  })

  test.each([
    ['no function', undefined, {}],
    ['a bad timeout', () => 1, { timeoutMs: -1 }],
    ['an unknown option', () => 1, { timeout: 5 }],
    ['a signal that is none', () => 1, { signal: {} }],
  ])('is refused for %s', async (_what, work, options) => {
    const { ambient } = recordingAmbient()
    const tasks = await new TaskSupervisor().start(ambient)
    await expect(tasks.run(work as never, options as never)).rejects.toMatchObject({ code: 'invalid-option' })
  })
})
