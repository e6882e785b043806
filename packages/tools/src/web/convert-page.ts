/**
 * Converts a page in a process of its own: the libraries that read pages take unbounded time and memory for some. A worker thread would not do: a single
 * allocation that its limits do not allow ends the whole process.
 */
import type { Clock } from '@beamclaw/core'
import { startLimited } from '../limited-process.ts'
import type { PageText, PageWork } from './page-text.ts'

/** The limits of one conversion. */
export interface ConvertOptions {
  readonly signal: AbortSignal
  readonly clock: Clock
  /** Milliseconds for one page. */
  readonly timeoutMs: number
}

const memoryMegabytes = 256

/** Resolves with the text of a page; `undefined` for one that is too much, or cannot be read. Rejects with the reason of `signal`. */
export async function convertPage(work: PageWork, { signal, clock, timeoutMs }: ConvertOptions): Promise<PageText | undefined> {
  signal.throwIfAborted()
  const { promise, resolve, reject } = Promise.withResolvers<PageText | undefined>()
  const { child, end } = startLimited(new URL('./page-process.ts', import.meta.url), memoryMegabytes)
  const onAbort = (): void => reject(signal.reason)
  const fail = (): void => resolve(undefined)
  const timer = clock.setTimer(fail, timeoutMs)
  signal.addEventListener('abort', onAbort, { once: true })
  child.once('message', (text) => resolve(text as PageText))
  child.once('error', fail).once('exit', fail)
  child.send(work, (error) => error !== null && fail())
  try {
    return await promise
  } finally {
    timer.cancel()
    signal.removeEventListener('abort', onAbort)
    await end()
  }
}
