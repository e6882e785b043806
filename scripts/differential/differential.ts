/** Plays random scripts on OTP's supervisors and on ours, and compares what they did. */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { differenceOf } from '../../tests/otp/difference.ts'
import type { GoldenCase } from '../../tests/otp/trace-driver.ts'
import { erlangTerm } from './erlang-terms.ts'
import { randomCase } from './random-case.ts'

const recorder = fileURLToPath(new URL('../../tests/otp/record.escript', import.meta.url))

/** True where Erlang is installed. */
export function hasErlang(): boolean {
  return spawnSync('escript', [], { stdio: 'ignore' }).error === undefined
}

/** Returns the recording of these seeds' cases on the real OTP, as the text of a JSON document. */
export function recordSeeds(seeds: readonly number[]): string {
  const folder = mkdtempSync(join(tmpdir(), 'beamclaw-differential-'))
  try {
    const cases = join(folder, 'cases.terms')
    const output = join(folder, 'traces.json')
    writeFileSync(cases, seeds.map((seed) => `${erlangTerm(randomCase(seed))}.\n`).join(''))
    // Two seconds are more than any one script takes; a script that makes the recorder wait for ever is a bug of the generator.
    const { status, stderr, error } = spawnSync('escript', [recorder, '--cases', cases, output], {
      encoding: 'utf8',
      timeout: 30_000 + 2_000 * seeds.length,
    })
    if (error !== undefined || status !== 0) throw new Error(`the recorder failed (${error?.message ?? stderr})`)
    return readFileSync(output, 'utf8')
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** Plays these seeds on both; returns what differed, by the name of the case. */
export async function compareSeeds(seeds: readonly number[]): Promise<ReadonlyMap<string, string>> {
  const { cases } = JSON.parse(recordSeeds(seeds)) as { cases: GoldenCase[] }
  const differences = new Map<string, string>()
  for (const golden of cases) {
    const difference = await differenceOf(golden)
    if (difference !== undefined) differences.set(golden.name, difference)
  }
  return differences
}
