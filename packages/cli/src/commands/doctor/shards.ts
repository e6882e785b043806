/** Checks a data directory that workers have split: each shard is a data directory of its own. */
import { readdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { shardPath } from '@beamclaw/workers'
import { checkContents } from './data-contents.ts'
import { type Finding, ok, problem } from './finding.ts'

/** Milliseconds that all shards together are looked at. */
const maxMs = 10_000

/** Resolves with one finding for each shard, and one for each thing that is wrong in it. */
export async function checkShards(path: string): Promise<readonly Finding[]> {
  const folder = dirname(shardPath(path, 0))
  const names = (await readdir(folder).catch(() => [])).filter((name) => /^\d+$/.test(name)).sort()
  if (names.length === 0)
    return [
      problem('shards', `${folder} has none, though shards.json says that workers use it`, 'restore the data directory from a backup'),
    ]
  const findings: Finding[] = [ok('shards', `${names.length}, split by workers: start it with --workers`)]
  for (const name of names) findings.push(...shardFindings(name, await checkContents(join(folder, name), Math.ceil(maxMs / names.length))))
  return findings
}

function shardFindings(name: string, contents: readonly Finding[]): readonly Finding[] {
  const wrong = contents.filter(({ state }) => state !== 'ok')
  if (wrong.length > 0) return wrong.map((finding) => ({ ...finding, name: `shard ${name}`, detail: `${finding.name}: ${finding.detail}` }))
  const [sessions] = contents.filter((finding) => finding.name === 'sessions')
  return [ok(`shard ${name}`, sessions?.detail ?? 'no sessions yet')]
}
