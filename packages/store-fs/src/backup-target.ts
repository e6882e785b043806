/** The directory that a backup is written to: under another name until it is whole. */
import { createHash, randomUUID } from 'node:crypto'
import { readdir, realpath, rm } from 'node:fs/promises'
import { basename, dirname, join, resolve, sep } from 'node:path'
import { BeamClawError } from '@beamclaw/core'
import { isAbsent, syncDirectory } from './atomic-write.ts'
import { systemCode } from './failures.ts'
import type { FileSystem } from './file-system.ts'
import { pidNamespace, processFacts } from './process-facts.ts'

/**
 * Phases: `partial → whole | discarded`. Owns the directory `TO.partial-…`, whose name says which process writes to it.
 *
 * - I1: `TO` is there only when the whole copy and all names in it are durable.
 */
export class BackupTarget {
  /** Where to write. */
  readonly path: string
  readonly #to: string
  readonly #fileSystem: FileSystem

  private constructor(fileSystem: FileSystem, to: string, path: string) {
    this.#fileSystem = fileSystem
    this.#to = to
    this.path = path
  }

  /**
   * Checks that `to` is free and outside of `from`, removes what a process that has ended left of a backup to it, and creates the partial directory. Rejects
   * `invalid-option`, with what to do.
   */
  static async prepare(fileSystem: FileSystem, from: string, to: string): Promise<BackupTarget> {
    const absolute = resolve(to)
    const parent = await realpath(dirname(absolute)).catch((error: unknown) => {
      if (!isAbsent(error)) throw error
      throw refused(to, 'the directory that it would be in does not exist. Make that directory, or name another one')
    })
    const place = join(parent, basename(absolute))
    if (isWithin(place, from) || isWithin(from, place))
      throw refused(to, 'it is in the data directory, or around it. Name a directory elsewhere')
    await checkFree(to, place)
    const namespace = createHash('sha256')
      .update(await pidNamespace())
      .digest('hex')
      .slice(0, 8)
    await removeLeftovers(to, place, namespace)
    const facts = await processFacts(process.pid)
    const started = facts.state === 'running' ? (facts.started ?? '') : ''
    const path = `${place}.partial-${namespace}-${process.pid}-${started}-${randomUUID().slice(0, 8)}`
    await fileSystem.makeDirectory(path)
    return new BackupTarget(fileSystem, place, path)
  }

  /** Gives the whole copy its name, durably. The names in it are durable already: each directory was synced when one was made in it. */
  async commit(): Promise<void> {
    try {
      await this.#fileSystem.rename(this.path, this.#to)
    } catch (error) {
      if (systemCode(error) === 'ENOTEMPTY' || systemCode(error) === 'EEXIST') throw refused(this.#to, notEmpty)
      throw error
    }
    await syncDirectory(this.#fileSystem, dirname(this.#to))
  }

  /** Removes the partial copy. */
  async discard(): Promise<void> {
    await rm(this.path, { recursive: true, force: true })
  }
}

const notEmpty = 'it is there already, and not an empty directory. Name another directory, or remove it first'

async function checkFree(to: string, place: string): Promise<void> {
  try {
    if ((await readdir(place)).length === 0) return
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return
    if (systemCode(error) !== 'ENOTDIR') throw error
  }
  throw refused(to, notEmpty)
}

/** A partial copy of a process that lives stays, and so does one of another container, whose processes cannot be seen. */
async function removeLeftovers(to: string, place: string, namespace: string): Promise<void> {
  const start = `${basename(place)}.partial-`
  for (const name of await readdir(dirname(place))) {
    const match = name.startsWith(start) ? /^([0-9a-f]{8})-([0-9]+)-([0-9]*)-[0-9a-f]{8}$/.exec(name.slice(start.length)) : null
    if (match === null) continue
    const [, host, pid, started] = match
    const facts = await processFacts(Number(pid))
    const isSame = facts.state === 'running' && (started === '' || facts.started === undefined || facts.started === started)
    if (host !== namespace || isSame)
      throw refused(to, `another process may be at a backup to it (${name}). Wait for it; if no such process runs, remove that directory`)
    await rm(join(dirname(place), name), { recursive: true, force: true })
  }
}

function isWithin(path: string, directory: string): boolean {
  return path === directory || path.startsWith(directory.endsWith(sep) ? directory : `${directory}${sep}`)
}

function refused(to: string, problem: string): BeamClawError {
  return new BeamClawError('invalid-option', `No backup was made to ${to}: ${problem}`)
}
