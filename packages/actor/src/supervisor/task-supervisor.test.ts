import { getEventListeners } from 'node:events'
import { describe, expect, test } from 'vitest'
import type { ActorEvent } from '../base/events.ts'
import { flushEventLoop } from '../testing/manual-clock.ts'
import { gate } from '../testing/probe.ts'
import { recordingServices } from '../testing/tree.ts'
import { Supervisor } from './supervisor.ts'
import { TaskSupervisor } from './task-supervisor.ts'

describe('a task', () => {
  test('answers with what its function returns, now or later', async () => {
    const { services } = recordingServices()
    const tasks = await new TaskSupervisor().start(services)
    expect(await Promise.all([tasks.run(() => 1), tasks.run(async () => 2)])).toEqual([1, 2])
    expect(tasks.size).toBe(0)
  })

  test('that throws fails alone', async () => {
    const { services, events } = recordingServices()
    const tasks = await new TaskSupervisor({ id: 'tools' }).start(services)
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
    const { services, clock } = recordingServices()
    const tasks = await new TaskSupervisor().start(services)
    let reason: unknown
    const run = tasks.run(({ signal }) => new Promise(() => signal.addEventListener('abort', () => (reason = signal.reason))), {
      timeoutMs: 100,
    })
    const failed = expect(run).rejects.toMatchObject({ code: 'task-timeout' })
    await clock.advance(100)
    await failed
    expect(reason).toMatchObject({ code: 'task-timeout' })
  })

  test.each([
    ['returned', () => 1],
    ['threw', () => Promise.reject(new Error('no'))],
  ])('that %s holds neither its timer nor a listener on the signal of its caller', async (_how, work) => {
    const { services, clock } = recordingServices()
    const tasks = await new TaskSupervisor().start(services)
    const { signal } = new AbortController()
    const run = tasks.run<unknown>(work, { signal, timeoutMs: 60_000 })
    expect([clock.pendingTimers, getEventListeners(signal, 'abort').length]).toEqual([1, 1])
    await Promise.allSettled([run])
    expect([clock.pendingTimers, getEventListeners(signal, 'abort').length]).toEqual([0, 0])
  })

  test('is cancelled with its caller, and never begins when that was too late', async () => {
    const { services } = recordingServices()
    const tasks = await new TaskSupervisor().start(services)
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
    const { services } = recordingServices()
    const tasks = await new TaskSupervisor({ maxChildren: 1 }).start(services)
    const hold = gate()
    const first = tasks.run(() => hold.promise)
    await expect(tasks.run(() => 1)).rejects.toMatchObject({ code: 'max-children' })
    hold.resolve()
    await first
    expect(await tasks.run(() => 2)).toBe(2)
  })

  test('is told to end when its supervisor stops, and abandoned when it does not', async () => {
    const { services, clock } = recordingServices()
    const tasks = new TaskSupervisor()
    const tree = await new Supervisor({ children: [{ id: 'tools', start: () => tasks, shutdownMs: 1_000 }] }).start(services)
    const listening = tasks.run(({ signal }) => new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason))))
    const deaf = tasks.run(() => new Promise(() => {}))
    const outcomes = Promise.allSettled([listening, deaf])
    await flushEventLoop()
    const stopped = tree.stop()
    await clock.advance(1_000)
    await stopped
    expect(await outcomes).toMatchObject([
      { status: 'rejected', reason: { code: 'actor-stopped' } },
      { status: 'rejected', reason: { code: 'actor-killed' } },
    ])
  })

  test('is shown in the tree while it runs', async () => {
    const { services } = recordingServices()
    const tasks = new TaskSupervisor({ id: 'tools' })
    const tree = await new Supervisor({ children: [{ id: 'tools', start: () => tasks }] }).start(services)
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
    const { services } = recordingServices()
    const tasks = await new TaskSupervisor().start(services)
    await expect(tasks.run(work as never, options as never)).rejects.toMatchObject({ code: 'invalid-option' })
  })
})

describe('a task that finds no place', () => {
  test('waits its turn, first come first served', async () => {
    const { services } = recordingServices()
    const tasks = await new TaskSupervisor({ maxChildren: 1, maxWaiting: 2 }).start(services)
    const hold = gate()
    const began: number[] = []
    const task = (name: number) => async () => {
      began.push(name)
      await hold.promise
      return name
    }
    const runs = [1, 2, 3].map((name) => tasks.run(task(name)))
    await expect(tasks.run(task(4))).rejects.toMatchObject({ code: 'max-children', details: { maxChildren: 1, maxWaiting: 2 } })
    await flushEventLoop()
    expect([began, tasks.size, tasks.waitingCount]).toEqual([[1], 1, 2])
    hold.resolve()
    expect(await Promise.all(runs)).toEqual([1, 2, 3])
    expect(began).toEqual([1, 2, 3])
  })

  test('leaves its place in the queue when it is cancelled, and never begins', async () => {
    const { services, clock } = recordingServices()
    const tasks = await new TaskSupervisor({ maxChildren: 1, maxWaiting: 2 }).start(services)
    const hold = gate()
    const first = tasks.run(() => hold.promise)
    let didBegin = false
    const late = expect(tasks.run(() => (didBegin = true), { timeoutMs: 50 })).rejects.toMatchObject({ code: 'task-timeout' })
    await clock.advance(50)
    await late
    expect(tasks.waitingCount).toBe(0)
    hold.resolve()
    await first
    await flushEventLoop()
    expect(didBegin).toBe(false)
  })

  test('is answered when the supervisor stops or is killed', async () => {
    for (const end of ['stop', 'kill'] as const) {
      const { services } = recordingServices()
      const tasks = await new TaskSupervisor({ maxChildren: 1, maxWaiting: 1 }).start(services)
      const hold = gate()
      const outcomes = Promise.allSettled([tasks.run(() => hold.promise), tasks.run(() => 2)])
      const stopped = end === 'stop' ? tasks.stop() : tasks.kill()
      hold.resolve()
      await stopped
      const code = end === 'stop' ? 'actor-stopped' : 'actor-killed'
      expect((await outcomes)[1]).toMatchObject({ status: 'rejected', reason: { code } })
    }
  })
})

describe('a task supervisor that is killed', () => {
  test('leaves no timer and tells each end once, whatever its tasks do later', async () => {
    const { services, clock, events } = recordingServices()
    const tasks = await new TaskSupervisor({ id: 'tools' }).start(services)
    const hold = gate()
    const run = tasks.run(() => hold.promise, { timeoutMs: 60_000 })
    await flushEventLoop()
    tasks.kill()
    await expect(run).rejects.toMatchObject({ code: 'actor-killed' })
    expect([clock.pendingTimers, tasks.size]).toEqual([0, 0])
    hold.resolve()
    await flushEventLoop()
    const exits = events.filter((event) => event.type === 'actor-exit' && event.id === 'tools/task-1')
    expect(exits).toMatchObject([{ reason: { type: 'killed' } }])
  })

  test('while it stops leaves no timer either', async () => {
    const { services, clock } = recordingServices()
    const tasks = await new TaskSupervisor().start(services)
    const run = tasks.run(() => new Promise(() => {}))
    const failed = expect(run).rejects.toMatchObject({ code: 'actor-killed' })
    await flushEventLoop()
    void tasks.stop()
    await flushEventLoop()
    tasks.kill()
    await failed
    await flushEventLoop()
    expect(clock.pendingTimers).toBe(0)
  })
})

describe('a task supervisor that stops', () => {
  test.each([
    ['5 s by default', {}, 5_000],
    ['as long as its option says', { shutdownMs: 30_000 }, 30_000],
  ])('waits for its tasks %s, also as a child', async (_how, options, graceMs) => {
    const { services, clock } = recordingServices()
    const tasks = new TaskSupervisor(options)
    const tree = await new Supervisor({ children: [{ id: 'tools', start: () => tasks }] }).start(services)
    const deaf = tasks.run(() => new Promise(() => {}))
    const failed = expect(deaf).rejects.toMatchObject({ code: 'actor-killed' })
    await flushEventLoop()
    let isStopped = false
    const stopped = tree.stop().then(() => (isStopped = true))
    await clock.advance(graceMs - 1)
    expect(isStopped).toBe(false)
    await clock.advance(1)
    await stopped
    await failed
  })
})

describe('tasks by chance', () => {
  // Small enough to read, and every order of begin, end, cancel, stop and kill comes up in a few hundred seeds.
  test('are answered once each, never outnumber the limits and leave nothing behind', async () => {
    for (let seed = 1; seed <= 200; seed++) {
      const chance = chanceFrom(seed)
      const { services, clock, events } = recordingServices()
      const maxChildren = 1 + chance(3)
      const maxWaiting = chance(3)
      const tasks = await new TaskSupervisor({ id: 'tools', maxChildren, maxWaiting, shutdownMs: 100 }).start(services)
      const answers: Promise<unknown>[] = []
      const open = new Set<() => void>()
      const aborts: AbortController[] = []
      let running = 0
      for (let step = 0; step < 30 && tasks.isAlive; step++) {
        const kind = chance(12)
        if (kind < 5) {
          const abort = new AbortController()
          aborts.push(abort)
          const isDeaf = chance(3) === 0
          const work = ({ signal }: { signal: AbortSignal }) =>
            new Promise<string>((resolve, reject) => {
              running++
              const end = (): void => {
                running--
                open.delete(end)
                if (chance(4) === 0) reject(new Error('task'))
                else resolve('done')
              }
              open.add(end)
              if (!isDeaf) signal.addEventListener('abort', () => open.has(end) && end())
            })
          const limits = chance(2) === 0 ? { timeoutMs: 1 + chance(20) } : {}
          answers.push(tasks.run(work, { signal: abort.signal, ...limits }).catch((error: { code?: string }) => error.code ?? 'task'))
        } else if (kind < 8) [...open][chance(open.size || 1)]?.()
        else if (kind === 8) aborts[chance(aborts.length || 1)]?.abort()
        else if (kind === 9) await clock.advance(chance(15))
        else if (kind === 10) await flushEventLoop()
        else if (chance(12) === 0) chance(2) === 0 ? tasks.kill() : void tasks.stop()
        expect(tasks.size, `seed ${seed}`).toBeLessThanOrEqual(maxChildren)
        expect(tasks.waitingCount, `seed ${seed}`).toBeLessThanOrEqual(maxWaiting)
        if (tasks.isAlive) expect(running, `seed ${seed}`).toBeLessThanOrEqual(maxChildren)
      }
      const stopped = tasks.stop()
      await clock.advance(1_000)
      await stopped
      await Promise.all(answers)
      for (const end of [...open]) end()
      await flushEventLoop()
      expect([tasks.size, tasks.waitingCount, clock.pendingTimers], `seed ${seed}`).toEqual([0, 0, 0])
      const told = tasksIn(events, 'actor-exit')
      const begun = tasksIn(events, 'actor-start')
      expect(told.toSorted(), `seed ${seed}`).toEqual(begun.toSorted())
    }
  })
})

function tasksIn(events: readonly ActorEvent[], type: 'actor-start' | 'actor-exit'): string[] {
  return events.flatMap((event) => (event.type === type && event.id !== 'tools' ? [event.id] : []))
}

function chanceFrom(seed: number): (below: number) => number {
  let state = Math.imul(seed, 0x9e3779b9) | 1
  return (below) => {
    state = Math.imul(state ^ (state >>> 15), state | 1) ^ (state + Math.imul(state ^ (state >>> 7), state | 61))
    return (state >>> 0) % below
  }
}
