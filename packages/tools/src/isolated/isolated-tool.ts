/** Tools whose code runs outside of the thread of the sessions: in a worker thread or in a process of its own, ended for good at its deadline. */
import { fileURLToPath } from 'node:url'
import { defineTool, type JsonValue, type Tool, type ToolContext, type ToolOptions } from '@beamclaw/core'
import { checkOptions, integer, oneOf } from '@beamclaw/core/adapter'
import { runInProcess } from './in-process.ts'
import { runInWorker } from './in-worker.ts'

/** Options of `isolatedTool`: those of `defineTool`, with a module in the place of `execute`. */
export interface IsolatedToolOptions<TInput> extends Omit<ToolOptions<TInput>, 'execute' | 'context'> {
  /** The module with the code: its default export is called with the input and an `IsolatedCall`. */
  readonly module: URL
  /**
   * `process`: a process of its own without the variables of this one; it may still do what its user may. `worker`: a thread of this process, which begins
   * sooner, for code of your own that takes the processor: a single allocation beyond its heap ends this whole process. @default 'process'
   */
  readonly isolate?: 'worker' | 'process'
  /** Megabytes of memory that it may take. In a worker they bound the heap; in a process, where `prlimit` is there, all of its data. @default 128 */
  readonly memoryMegabytes?: number
}

/** What isolated code gets beside its input. */
export interface IsolatedCall {
  readonly idempotencyKey: string
  readonly attempt: number
  /** Publishes progress: JSON of at most 64,000 bytes. */
  readonly progress: (data: JsonValue) => void
}

/** The default export of the module of an isolated tool. What it returns must be JSON. */
export type IsolatedCode<TInput = unknown> = (input: TInput, call: IsolatedCall) => unknown

/** Defaults for `isolatedTool`. */
const isolatedDefaults = { isolate: 'process', memoryMegabytes: 128 } as const satisfies Partial<IsolatedToolOptions<unknown>>

/** One call of isolated code. */
export interface IsolatedWork {
  readonly module: string
  readonly input: unknown
  readonly idempotencyKey: string
  readonly attempt: number
}

/** How the code is to run. */
export interface IsolatedRun {
  readonly work: IsolatedWork
  readonly memoryMegabytes: number
  readonly signal: AbortSignal
  readonly progress: (data: JsonValue) => void
}

/**
 * Returns a tool whose code runs in a worker thread or a process of its own, made for each call: a loop that never ends and a heap that grows end with the
 * call, at `timeoutMs` or when it is aborted, and no other session waits for them. The call then fails with `tool-failed` or `task-timeout`. Throws
 * `invalid-option`.
 *
 * @example
 * const primes = isolatedTool({ name: 'primes', description: 'Counts primes', module: new URL('./primes.js', import.meta.url), timeoutMs: 5_000 })
 */
export function isolatedTool<TInput = Record<string, never>>(options: IsolatedToolOptions<TInput>): Tool<TInput, unknown> {
  const { module, isolate, memoryMegabytes, ...rest } = options
  checkOptions<Pick<IsolatedToolOptions<TInput>, 'module' | 'isolate' | 'memoryMegabytes'>>(
    'isolatedTool',
    { module, ...(isolate === undefined ? {} : { isolate }), ...(memoryMegabytes === undefined ? {} : { memoryMegabytes }) },
    { module: aFile, isolate: oneOf('worker', 'process'), memoryMegabytes: integer(16, 65_536) },
    ['module'],
  )
  const run = (isolate ?? isolatedDefaults.isolate) === 'worker' ? runInWorker : runInProcess
  const megabytes = memoryMegabytes ?? isolatedDefaults.memoryMegabytes
  const execute = (input: TInput, { signal, progress, idempotencyKey, attempt }: ToolContext): Promise<object | null> => {
    const work = { module: module.href, input, idempotencyKey, attempt }
    return run({ work, memoryMegabytes: megabytes, signal, progress }) as Promise<object | null>
  }
  return defineTool<TInput>({ ...(rest as Omit<ToolOptions<TInput>, 'execute'>), execute })
}

function aFile(value: unknown): string | undefined {
  const expected = 'the URL of a file, as new URL("./work.js", import.meta.url) makes it'
  if (!(value instanceof URL) || value.protocol !== 'file:') return expected
  try {
    fileURLToPath(value)
    return undefined
  } catch {
    return expected
  }
}
