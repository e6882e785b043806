/** Finds the lines of a text that match a query: a literal one here, an expression in a worker that can be stopped. */
import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { BeamClawError, type Clock } from '@beamclaw/core'
import { workerProgram } from '../worker-program.ts'

/** What to look for. */
export interface SearchQuery {
  readonly query: string
  readonly isRegex: boolean
  readonly ignoreCase: boolean
}

/** Finds lines until it is closed. */
export interface LineMatcher {
  /** Resolves with the numbers of the lines that match, from 1. Rejects `tool-failed` when the expression takes too long. */
  linesIn(text: string): Promise<readonly number[]>
  close(): Promise<void>
}

/** Milliseconds for an expression, for all files of a search together. */
export const regexTimeoutMs = 10_000

/** Returns the matcher of a query. Throws `tool-failed` for what is no regular expression. */
export function lineMatcher(query: SearchQuery, clock: Clock): LineMatcher {
  return query.isRegex ? regexMatcher(query, clock) : literalMatcher(query)
}

function literalMatcher({ query, ignoreCase }: SearchQuery): LineMatcher {
  const fold = (text: string): string => (ignoreCase ? text.toLowerCase() : text)
  const wanted = fold(query)
  return {
    linesIn: async (text) =>
      fold(text)
        .split('\n')
        .flatMap((line, index) => (line.includes(wanted) ? [index + 1] : [])),
    close: async () => {},
  }
}

function regexMatcher({ query, ignoreCase }: SearchQuery, clock: Clock): LineMatcher {
  const flags = ignoreCase ? 'iu' : 'u'
  checkExpression(query, flags)
  const program = workerProgram(new URL('./regex-worker.ts', import.meta.url))
  const worker = new Worker(program, {
    workerData: { source: query, flags },
    resourceLimits: { maxOldGenerationSizeMb: 128 },
    env: {},
    execArgv: [],
  })
  const failed = Promise.withResolvers<never>()
  failed.promise.catch(() => {})
  const fail = (): void => failed.reject(failure('The expression takes too long. Take a simpler one, or fewer files'))
  const timer = clock.setTimer(fail, regexTimeoutMs)
  worker.once('error', (cause) => failed.reject(failure('The expression needs too much memory, or its worker cannot run here', cause)))
  return {
    linesIn: async (text) => {
      const answer = once(worker, 'message')
      answer.catch(() => {})
      worker.postMessage(text)
      const [lines] = (await Promise.race([answer, failed.promise])) as [readonly number[]]
      return lines
    },
    close: async () => {
      timer.cancel()
      await worker.terminate()
    },
  }
}

function checkExpression(query: string, flags: string): void {
  try {
    new RegExp(query, flags)
  } catch (cause) {
    const problem = cause instanceof Error ? cause.message : ''
    throw failure(`The query is no regular expression: ${problem.slice(0, 300)}. Set regex to false to look for the text itself`, cause)
  }
}

function failure(problem: string, cause?: unknown): BeamClawError {
  return new BeamClawError('tool-failed', `${problem}.`, cause === undefined ? {} : { cause })
}
