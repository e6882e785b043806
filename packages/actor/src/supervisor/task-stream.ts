/** Runs a task for each item of a sequence, a bounded number at a time, and yields what they return. */
import type { TaskWork } from './task.ts'

/** Options of `TaskSupervisor.asyncStream`. */
export interface TaskStreamOptions {
  /** Tasks that run, or whose result was not taken yet; no further item is read until a result is taken. @default 8 */
  readonly maxConcurrency?: number
  /** Yields in the order of the items; otherwise in the order in which tasks finish. @default true */
  readonly ordered?: boolean
  /** Milliseconds that one task may take; the stream then rejects `task-timeout`. @default no limit */
  readonly timeoutMs?: number
  /** Cancels all tasks; the stream then rejects `call-aborted` at once. */
  readonly signal?: AbortSignal
}

/** Defaults for `TaskStreamOptions`. */
export const taskStreamDefaults = { maxConcurrency: 8, ordered: true } as const satisfies TaskStreamOptions

type Outcome<TResult> = { readonly value: TResult } | { readonly error: unknown }

interface Slot<TResult> {
  outcome: Outcome<TResult> | undefined
}

/** How a stream is ended from outside: by the caller's signal, or by the end of the supervisor. */
export interface StreamEnding {
  /** Aborted with the error that the stream is to reject with. */
  readonly signal: AbortSignal
  /** Called once the stream is over. */
  close(): void
}

interface StreamSettings {
  readonly maxConcurrency: number
  readonly ordered: boolean
  /** Called when the stream is first read. */
  readonly open: () => StreamEnding
}

/**
 * Yields the results of `TaskSupervisor.asyncStream`. `run` begins one task under the given signal.
 *
 * - I1: at most `maxConcurrency` slots exist, and one read of the source is under way only while there is room for its item.
 * - I2: however the stream ends, the signal of every remaining task is aborted and the source is returned.
 * - I3: an ending from outside takes effect at once, even when the source or a task never settles.
 */
export async function* streamTasks<TItem, TResult>(
  items: Iterable<TItem> | AsyncIterable<TItem>,
  work: (item: TItem, signal: AbortSignal) => ReturnType<TaskWork<TResult>>,
  run: (work: TaskWork<TResult>, signal: AbortSignal) => Promise<TResult>,
  { maxConcurrency, ordered, open }: StreamSettings,
): AsyncGenerator<Awaited<TResult>, void, undefined> {
  const ending = open()
  const tasks = new AbortController()
  const slots: Slot<TResult>[] = []
  const source: { iterator: Iterator<TItem> | AsyncIterator<TItem> | undefined; phase: 'idle' | 'reading' | 'done' } = {
    iterator: undefined,
    phase: 'idle',
  }
  let changed = Promise.withResolvers<void>()
  const wake = (): void => {
    changed.resolve()
    changed = Promise.withResolvers()
  }
  const settle = (slot: Slot<TResult>, outcome: Outcome<TResult>): void => {
    slot.outcome = outcome
    wake()
  }
  const take = (slot: Slot<TResult>, promise: Promise<TResult>): void => {
    slots.push(slot)
    promise.then(
      (value) => settle(slot, { value }),
      (error: unknown) => settle(slot, { error }),
    )
  }
  const read = async (): Promise<void> => {
    source.phase = 'reading'
    try {
      source.iterator ??= Symbol.asyncIterator in items ? items[Symbol.asyncIterator]() : items[Symbol.iterator]()
      const next = await source.iterator.next()
      source.phase = next.done === true ? 'done' : 'idle'
      // The stream may have ended while the source was read.
      if (next.done !== true && !tasks.signal.aborted) {
        take(
          { outcome: undefined },
          run(({ signal }) => work(next.value, signal), tasks.signal),
        )
      }
    } catch (error) {
      source.phase = 'done'
      slots.push({ outcome: { error } })
    }
    wake()
  }
  ending.signal.addEventListener('abort', wake, { once: true })
  try {
    for (;;) {
      if (ending.signal.aborted) throw ending.signal.reason
      if (source.phase === 'idle' && slots.length < maxConcurrency) void read()
      const at = ordered ? (slots[0]?.outcome === undefined ? -1 : 0) : slots.findIndex(({ outcome }) => outcome !== undefined)
      const outcome = slots[at]?.outcome
      if (outcome !== undefined) {
        slots.splice(at, 1)
        if ('error' in outcome) throw outcome.error
        yield await outcome.value
      } else if (source.phase === 'done' && slots.length === 0) return
      else await changed.promise
    }
  } finally {
    ending.signal.removeEventListener('abort', wake)
    ending.close()
    tasks.abort(ending.signal.reason)
    await leave(source.iterator, source.phase === 'reading' || ending.signal.aborted)
  }
}

/** Calls `return` of a source. Does not wait for a source with a read under way, nor after an ending from outside. */
async function leave(iterator: Iterator<unknown> | AsyncIterator<unknown> | undefined, isImpatient: boolean): Promise<void> {
  if (!isImpatient) await iterator?.return?.()
  else Promise.resolve(iterator?.return?.()).catch(() => {})
}
