/** The command line. */
import { BeamClawError } from '@beamclaw/core'
import { ClientError } from './client/client-error.ts'
import { ConfigError } from './config/config-error.ts'
import { sayJson } from './output.ts'
import { checkSubcommand, program, usageText } from './program.ts'

/** Commands that do more than print: they go on to their end when their output is not read any more. */
const changing: ReadonlySet<string> = new Set(['start', 'init', 'doctor', 'backup'])

/** Runs one command. Exit codes: 0 ok, 1 failure, 2 bad usage or configuration. */
export async function main(argv: readonly string[]): Promise<void> {
  const isChanging = changing.has(argv[2] ?? '')
  for (const stream of [process.stdout, process.stderr]) stream.on('error', (error) => isChanging || endUnread(error))
  try {
    const root = program()
    checkSubcommand(root, argv.slice(2))
    await root.parseAsync(argv)
  } catch (error) {
    process.exitCode = report(error, argv.includes('--json'))
  }
}

/** A reader such as `head` or a pager has what it wanted: no failure. */
function endUnread(error: Error & { readonly code?: string }): void {
  if (error.code === 'EPIPE') process.exit(0)
  console.error(`beamclaw: the output cannot be written: ${firstLine(error)} (output-failed)`)
  process.exit(1)
}

function report(error: unknown, isJson: boolean): number {
  if (isCommanderError(error)) {
    if (error.exitCode === 0) return 0
    // People have been told already.
    if (isJson) sayJson({ type: 'error', error: { code: 'invalid-usage', message: usageText(error.message) } })
    return 2
  }
  const problems = error instanceof ConfigError ? error.problems : [firstLine(error)]
  const code = codeOf(error)
  for (const problem of problems) console.error(`beamclaw: ${problem}${error instanceof ConfigError ? '' : ` (${code})`}`)
  if (isJson) sayJson({ type: 'error', error: { code, message: problems.join('\n') } })
  return code === 'invalid-config' || code === 'invalid-usage' ? 2 : 1
}

function firstLine(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error)
  return message.split('\n')[0] ?? message
}

function codeOf(error: unknown): string {
  if (error instanceof ConfigError) return 'invalid-config'
  return error instanceof ClientError || BeamClawError.isInstance(error) ? error.code : 'internal'
}

function isCommanderError(error: unknown): error is Error & { readonly exitCode: number } {
  return error instanceof Error && 'exitCode' in error && 'code' in error && String(error.code).startsWith('commander.')
}
