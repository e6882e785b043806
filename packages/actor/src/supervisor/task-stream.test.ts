import { describe, expect, test } from 'vitest'
import { flushEventLoop } from '../testing/manual-clock.ts'
import { gate } from '../testing/probe.ts'
import { recordingServices } from '../testing/tree.ts'
import type { TaskStreamOptions } from './task-stream.ts'
import { TaskSupervisor, type TaskSupervisorOptions } from './task-supervisor.ts'

async function taskSupervisor(options: TaskSupervisorOptions = {}): Promise<TaskSupervisor> {
  return new TaskSupervisor(options).start(recordingServices().services)
}

/** A task that waits for the gate of its item. */
function behindGate(gates: readonly PromiseWithResolvers<void>[]): (item: number) => Promise<number> {
  return async (item) => {
    await gates[item]?.promise
    return item
  }
}

function abortIt(abort: AbortController): string {
  abort.abort('enough')
  return 'abort'
}

/** A source that says how far it was read and whether it was returned. */
function countingSource(count: number): { read: number; isReturned: boolean; items: Iterable<number> } {
  const source = { read: 0, isReturned: false, items: [] as Iterable<number> }
  source.items = {
    *[Symbol.iterator]() {
      try {
        while (source.read < count) yield ++source.read
      } finally {
        source.isReturned = true
      }
    },
  }
  return source
}

describe('a stream of tasks', () => {
  test('yields in the order of the items, however the tasks finish', async () => {
    const tasks = await taskSupervisor()
    const gates = [gate(), gate(), gate()]
    const values: number[] = []
    const reading = (async () => {
      for await (const value of tasks.asyncStream([0, 1, 2], behindGate(gates))) values.push(value)
    })()
    for (const index of [2, 0, 1]) {
      await flushEventLoop()
      gates[index]?.resolve()
    }
    await reading
    expect(values).toEqual([0, 1, 2])
  })

  test('yields in the order in which tasks finish when it need not be ordered', async () => {
    const tasks = await taskSupervisor()
    const gates = [gate(), gate(), gate()]
    const values: number[] = []
    const reading = (async () => {
      for await (const value of tasks.asyncStream([0, 1, 2], behindGate(gates), { ordered: false })) values.push(value)
    })()
    for (const index of [2, 0, 1]) {
      await flushEventLoop()
      gates[index]?.resolve()
    }
    await reading
    expect(values).toEqual([2, 0, 1])
  })

  test('reads no more items than it may have tasks, finished ones that nobody took included', async () => {
    const tasks = await taskSupervisor()
    const source = countingSource(1_000)
    const stream = tasks.asyncStream(source.items, (item) => item * 2, { maxConcurrency: 3 })
    await flushEventLoop()
    expect(source.read).toBe(0)
    expect(await stream.next()).toEqual({ value: 2, done: false })
    await flushEventLoop()
    expect(source.read).toBeLessThanOrEqual(4)
    await stream.return()
    expect(source.isReturned).toBe(true)
  })

  test('yields what is done while its source is slow', async () => {
    const tasks = await taskSupervisor()
    const more = gate()
    const source = (async function* () {
      yield 1
      await more.promise
      yield 2
    })()
    const stream = tasks.asyncStream(source, (item) => item)
    expect(await stream.next()).toEqual({ value: 1, done: false })
    more.resolve()
    expect(await stream.next()).toEqual({ value: 2, done: false })
    expect(await stream.next()).toEqual({ value: undefined, done: true })
  })

  test.each([
    ['its reader leaves', (_abort: AbortController) => 'leave'],
    ['a task fails', (_abort: AbortController) => 'fail'],
    ['its caller aborts', abortIt],
  ])('cancels the tasks that are left when %s', async (_what, act) => {
    const tasks = await taskSupervisor()
    const source = countingSource(100)
    const abort = new AbortController()
    const cancelled: number[] = []
    const broken = gate()
    const stream = tasks.asyncStream(
      source.items,
      async (item, { signal }) => {
        if (item === 1) return item
        if (item === 2) return broken.promise.then(() => Promise.reject(new Error('second')))
        return new Promise<number>((_, reject) =>
          signal.addEventListener('abort', () => {
            cancelled.push(item)
            reject(signal.reason)
          }),
        )
      },
      { maxConcurrency: 4, signal: abort.signal },
    )
    expect(await stream.next()).toMatchObject({ value: 1 })
    await flushEventLoop()
    const how = act(abort)
    if (how === 'fail') {
      broken.resolve()
      await expect(stream.next()).rejects.toThrow('second')
    } else if (how === 'abort') await expect(stream.next()).rejects.toMatchObject({ code: 'call-aborted', cause: expect.anything() })
    else await stream.return()
    broken.resolve()
    await flushEventLoop()
    expect(cancelled).toEqual(how === 'fail' ? [3, 4, 5] : [3, 4])
    expect(source.isReturned).toBe(true)
    expect(tasks.size).toBe(0)
  })

  test.each(['abort', 'stop', 'kill'])('ends at once on %s, also behind a source that never answers', async (how) => {
    const tasks = await taskSupervisor()
    const abort = new AbortController()
    const source = (async function* () {
      yield 1
      await new Promise(() => {})
    })()
    const stream = tasks.asyncStream(source, (item) => item, { signal: abort.signal })
    expect(await stream.next()).toMatchObject({ value: 1 })
    const code = { abort: 'call-aborted', stop: 'actor-stopped', kill: 'actor-killed' }[how]
    const waiting = expect(stream.next()).rejects.toMatchObject({ code })
    await flushEventLoop()
    if (how === 'abort') abort.abort()
    else if (how === 'stop') await tasks.stop()
    else tasks.kill()
    await waiting
  })

  test('that is begun after the end of its supervisor rejects', async () => {
    const tasks = await taskSupervisor()
    const stream = tasks.asyncStream([1], (item) => item)
    await tasks.stop()
    await expect(stream.next()).rejects.toMatchObject({ code: 'actor-not-running' })
  })

  test('lets its tasks wait for a place under the supervisor', async () => {
    const tasks = await taskSupervisor({ maxChildren: 1 })
    let most = 0
    const values: number[] = []
    for await (const value of tasks.asyncStream([1, 2, 3, 4], async (item) => {
      most = Math.max(most, tasks.size)
      await flushEventLoop()
      return item
    }))
      values.push(value)
    expect(values).toEqual([1, 2, 3, 4])
    expect(most).toBe(1)
  })

  test('fails with what its source throws', async () => {
    const tasks = await taskSupervisor()
    const source = (function* () {
      yield 1
      throw new Error('no more')
    })()
    const stream = tasks.asyncStream(source, (item) => item)
    expect(await stream.next()).toMatchObject({ value: 1 })
    await expect(stream.next()).rejects.toThrow('no more')
  })

  test.each<[string, unknown, unknown, unknown]>([
    ['items that are none', 5, () => 1, {}],
    ['no function', [1], undefined, {}],
    ['no room', [1], () => 1, { maxConcurrency: 0 }],
    ['an unknown option', [1], () => 1, { concurrency: 2 }],
  ])('is refused for %s', async (_what, items, work, options) => {
    const tasks = await taskSupervisor()
    expect(() => tasks.asyncStream(items as never, work as never, options as TaskStreamOptions)).toThrow(
      expect.objectContaining({ code: 'invalid-option' }),
    )
  })
})
