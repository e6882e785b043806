/** `beamclaw doctor --repair` over a fresh directory for each test. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach } from 'vitest'
import { type CliOutcome, jsonLines, runCli } from './run-cli.ts'

/** Call it once, at the top of a test file. */
export function repairs() {
  let folder = ''
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'beamclaw-repair-'))
  })
  afterEach(() => rmSync(folder, { recursive: true, force: true }))
  const data = (): string => join(folder, 'data')
  const file = (...names: readonly string[]): string => join(data(), 'default', ...names)
  const repairing = (...flags: readonly string[]): Promise<CliOutcome> =>
    runCli(['doctor', '--repair', '--data-dir', data(), ...flags], { cwd: folder })
  return {
    folder: () => folder,
    data,
    /** The path of a file of the default tenant. */
    file,
    journal: (name: string): string => file('sessions', 'main', `${name}.log.jsonl`),
    settings: (): string => file('sessions', 'main', 'one', 'metadata.json'),
    repairing,
    /** Repairs with `--json`, and reads the lines. */
    async repaired(...flags: readonly string[]) {
      const outcome = await repairing('--json', ...flags)
      const lines = jsonLines(outcome)
      return { ...outcome, lines, of: (type: string) => lines.filter((line) => line.type === type), summary: lines.at(-1) }
    },
  }
}
