/** Runs a program of the sandbox itself, such as a probe or `docker kill`, to its end. */
import { execFile } from 'node:child_process'

/** How it ended; `code` is undefined when it could not be started, was ended, or took too long. */
export interface QuickRun {
  readonly code: number | undefined
  readonly output: string
  readonly errors: string
}

const limits = { timeout: 15_000, killSignal: 'SIGKILL', maxBuffer: 1024 * 1024, encoding: 'utf8' } as const

/** Never rejects. The program gets no input. */
export function runQuickly(program: string, args: readonly string[], env: Readonly<Record<string, string>>): Promise<QuickRun> {
  return new Promise((resolve) => {
    const child = execFile(program, args, { ...limits, env, cwd: '/' }, (error, output, errors) => {
      const code = error === null ? 0 : error.code
      resolve({ code: typeof code === 'number' ? code : undefined, output, errors: errors || (error?.message ?? '') })
    })
    child.stdin?.on('error', () => undefined).end()
  })
}
