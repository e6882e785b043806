/** The command line. */
import { Command, Option } from 'commander'
import { start } from './commands/start.ts'
import { ConfigError } from './config/config-error.ts'
import { version } from './version.ts'

/** Runs one command. Exit codes: 0 ok, 1 failure, 2 bad usage or configuration. */
export async function main(argv: readonly string[]): Promise<void> {
  const program = new Command('beamclaw').version(version).description('Supervised, journalled AI agent sessions').exitOverride()
  program
    .command('start')
    .description('run the standalone gateway')
    .option('--config <file>', 'configuration file (default: ./beamclaw.yaml, else ~/.config/beamclaw/config.yaml)')
    .option('--host <host>', 'address to listen on')
    .option('--port <port>', 'port to listen on; 0 takes any free one')
    .option('--data-dir <dir>', 'directory for sessions and documents')
    .addOption(new Option('--log-format <format>', 'how logs are printed').choices(['pretty', 'json']))
    .action(start)
  try {
    await program.parseAsync(argv)
  } catch (error) {
    process.exitCode = report(error)
  }
}

function report(error: unknown): number {
  if (error instanceof ConfigError) {
    for (const problem of error.problems) console.error(`beamclaw: ${problem}`)
    return 2
  }
  if (isCommanderError(error)) return error.exitCode === 0 ? 0 : 2
  console.error(`beamclaw: ${error instanceof Error ? error.message : String(error)}`)
  return 1
}

function isCommanderError(error: unknown): error is { readonly exitCode: number } {
  return error instanceof Error && 'exitCode' in error && 'code' in error && String(error.code).startsWith('commander.')
}
