/** Checks the data directory: permissions, lock, free space and contents. */
import { mkdtemp, readFile, rm, stat, statfs, writeFile } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { isSharded } from '@beamclaw/workers'
import { checkContents } from './data-contents.ts'
import { type Finding, ok, problem, warning } from './finding.ts'
import { checkShards } from './shards.ts'

const [wantedBytes, neededBytes] = [1_073_741_824, 104_857_600]

export async function checkDataDirectory(path: string): Promise<readonly Finding[]> {
  const directory = resolve(path)
  const existing = await nearestExisting(directory)
  const findings = [await writable(directory, existing), await room(existing)]
  const owner = await ownerOf(directory)
  if (owner !== undefined) findings.push(ok('data lock', `in use by process ${owner}; a second gateway would be refused`))
  if (directory === existing) findings.push(...(await (isSharded(directory) ? checkShards(directory) : checkContents(directory))))
  return findings
}

/** Returns the problem of a directory that cannot be written; `start` reports it too. */
export function notWritable(directory: string, code: string): string {
  return `${directory} cannot be written (${code})`
}

export const writableAdvice = 'let this user write there, or name another directory with --data-dir'

/** Checks that the directory, or the nearest existing one above it, can be written. */
async function nearestExisting(directory: string): Promise<string> {
  try {
    await stat(directory)
    return directory
  } catch {
    return directory === dirname(directory) ? directory : nearestExisting(dirname(directory))
  }
}

async function writable(directory: string, existing: string): Promise<Finding> {
  try {
    const probe = await mkdtemp(join(existing, '.beamclaw-doctor-'))
    try {
      await writeFile(join(probe, 'probe'), 'x', { flush: true })
    } finally {
      await rm(probe, { recursive: true, force: true })
    }
    return ok('data', directory === existing ? directory : `${directory}, which the first start makes`)
  } catch (error) {
    const { code = 'an error' } = error as NodeJS.ErrnoException
    if (code === 'ENOSPC' || code === 'EDQUOT') return problem('data', `${existing} has no room left (${code})`, 'free some space')
    return problem('data', notWritable(existing, code), writableAdvice)
  }
}

async function room(existing: string): Promise<Finding> {
  const { bavail, bsize } = await statfs(existing)
  const free = bavail * bsize
  const detail = `${(free / 1_073_741_824).toFixed(1)} GB free`
  if (free < neededBytes) return problem('disk', detail, 'free some space: messages are refused when nothing can be written')
  return free < wantedBytes ? warning('disk', detail, 'free some space before it runs out') : ok('disk', detail)
}

/** Resolves with the id of the process that has locked the directory, if it is alive. */
async function ownerOf(directory: string): Promise<number | undefined> {
  try {
    const { pid } = JSON.parse(await readFile(join(directory, '.lock'), 'utf8')) as { readonly pid?: unknown }
    return typeof pid === 'number' && isAlive(pid) ? pid : undefined
  } catch {
    return undefined
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    // The process belongs to another user.
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
