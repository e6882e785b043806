/** The directory of one log: its file names, and the protocol by which one writer wins. */
import { join } from 'node:path'
import { isAbsent, readWhole, removeIfThere, replaceFile, syncDirectory, writeNew } from './atomic-write.ts'
import { fenced, logCorrupt, systemCode } from './failures.ts'
import type { FileSystem } from './file-system.ts'
import { decodeManifest, encodeManifest, type Manifest } from './manifest.ts'

/** The files of a log's directory by kind; all numbers ascend. */
export interface Listing {
  readonly manifests: readonly number[]
  readonly segments: readonly number[]
  readonly snapshots: readonly number[]
  readonly temporaries: readonly string[]
  /** True when a deletion has begun. */
  readonly isDeleted: boolean
}

const manifestName = /^MANIFEST-([0-9]+)$/
const segmentName = /^([0-9]+)\.jsonl$/
const snapshotName = /^snap-([0-9]+)\.json$/
const temporaryName = /^\.tmp-log-/
const leftoverName = /^(?:[0-9]+\.jsonl\.torn|snap-[0-9]+\.json\.bad)/
const tombstone = 'DELETED'

/** Returns true for a file name that only a log's directory has. */
export function isManifestName(name: string): boolean {
  return manifestName.test(name)
}

/**
 * Decides which writer owns a log without a lock that a suspended process could keep:
 *
 * - I1: a writer creates the segment of the next generation exclusively, lists the directory, and gives up when it sees a higher one.
 * - I2: it seals all lower segments before it reads any of them.
 * - I3: a writer acknowledges only while its own segment is unsealed, so the next owner reads everything that was acknowledged.
 */
export class LogDirectory {
  readonly path: string
  readonly fileSystem: FileSystem
  readonly #newTemporary: () => string

  constructor(path: string, fileSystem: FileSystem, newTemporary: () => string) {
    this.path = path
    this.fileSystem = fileSystem
    this.#newTemporary = newTemporary
  }

  segment(generation: number): string {
    return join(this.path, `${pad(generation)}.jsonl`)
  }

  snapshot(seq: number): string {
    return join(this.path, `snap-${seq}.json`)
  }

  manifest(generation: number): string {
    return join(this.path, `MANIFEST-${pad(generation)}`)
  }

  async list(): Promise<Listing> {
    const found = { manifests: [] as number[], segments: [] as number[], snapshots: [] as number[], temporaries: [] as string[] }
    let isDeleted = false
    let entries: readonly { readonly name: string }[] = []
    try {
      entries = await this.fileSystem.list(this.path)
    } catch (error) {
      if (!isAbsent(error)) throw error
    }
    for (const { name } of entries) {
      collect(found.manifests, manifestName, name)
      collect(found.segments, segmentName, name)
      collect(found.snapshots, snapshotName, name)
      if (temporaryName.test(name)) found.temporaries.push(name)
      if (name === tombstone) isDeleted = true
    }
    for (const numbers of [found.manifests, found.segments, found.snapshots]) numbers.sort((a, b) => a - b)
    return { ...found, isDeleted }
  }

  /** Reads the manifest of a generation. Rejects `fenced` when it is gone, because a later owner replaced it. */
  async readManifest(generation: number): Promise<Manifest> {
    const file = this.manifest(generation)
    const bytes = await readWhole(this.fileSystem, file)
    if (bytes === undefined) throw fenced()
    const manifest = decodeManifest(bytes, file)
    if (manifest.generation !== generation) throw logCorrupt(file, 0, `it names itself generation ${manifest.generation}`)
    return manifest
  }

  /**
   * Makes a manifest and all names in the directory durable. `own` is the open segment of its generation. Rejects `fenced` when that segment
   * was sealed, checked twice: before the manifest gets its name, because the log may have been deleted and created again; and after,
   * because an owner that sealed it earlier may not have seen the manifest.
   */
  async writeManifest(manifest: Manifest, own: number): Promise<Listing> {
    // The files that the manifest names must be durable before it is.
    await syncDirectory(this.fileSystem, this.path)
    await this.replace(this.manifest(manifest.generation), encodeManifest(manifest), () => this.#checkOwned(own))
    await syncDirectory(this.fileSystem, this.path)
    const listing = await this.list()
    // `removeObsolete` checks again before each file; a new log has none to remove.
    this.#checkOwned(own)
    return listing
  }

  /** Replaces a file of this directory; its name becomes durable with the next manifest. */
  async replace(path: string, bytes: Buffer, beforeRename?: () => void): Promise<void> {
    await replaceFile(this.fileSystem, path, join(this.path, this.#newTemporary()), bytes, beforeRename)
  }

  /**
   * Creates the segment of `generation` and seals all from `sealFrom` on. Resolves with its descriptor, or with undefined when
   * another writer was earlier or later, or when `mayGoOn` returns false.
   */
  async claim(generation: number, sealFrom: number, mayGoOn: () => boolean = () => true): Promise<number | undefined> {
    let descriptor: number
    try {
      descriptor = await this.fileSystem.open(this.segment(generation), 'wx')
    } catch (error) {
      if (systemCode(error) === 'EEXIST') return undefined
      throw error
    }
    try {
      // A later owner's segment is a sufficient sign: it exists before its manifest and is removed after it.
      const { segments } = await this.list()
      if ((segments.at(-1) ?? 0) > generation || !mayGoOn()) {
        await this.abandon(generation, descriptor)
        return undefined
      }
      for (const lower of segments) if (lower >= sealFrom && lower < generation) await this.#seal(lower)
      return descriptor
    } catch (error) {
      await this.fileSystem.close(descriptor)
      throw error
    }
  }

  /** Removes the segment of a claim that failed. */
  async abandon(generation: number, descriptor: number): Promise<void> {
    await this.fileSystem.close(descriptor)
    await removeIfThere(this.fileSystem, this.segment(generation))
  }

  /**
   * Removes files that `manifest` does not need. `listing` is the one that `writeManifest` made: a process that was suspended since must not
   * remove a later owner's files. After a crash the next opening removes the rest.
   */
  async removeObsolete(manifest: Manifest, own: number, listing: Listing): Promise<void> {
    const kept = new Set(manifest.segments.map(({ generation }) => generation))
    const newestSnapshot = manifest.snapshots[0] ?? 0
    const isOld = (generation: number): boolean => generation < manifest.generation && !kept.has(generation)
    const paths = [
      ...listing.manifests.filter((generation) => generation < manifest.generation).map((generation) => this.manifest(generation)),
      ...listing.segments.filter(isOld).map((generation) => this.segment(generation)),
      // A later owner may have written a snapshot of a later seq under the same name.
      ...listing.snapshots.filter((seq) => seq < newestSnapshot && !manifest.snapshots.includes(seq)).map((seq) => this.snapshot(seq)),
      ...listing.temporaries.map((name) => join(this.path, name)),
    ]
    for (const path of paths) {
      // A log that was created after a deletion has files of the same names.
      this.#checkOwned(own)
      await this.#remove(path)
    }
  }

  /** Deletes the log durably. The claim before it fenced every writer. */
  async destroy(): Promise<void> {
    try {
      await writeNew(this.fileSystem, join(this.path, tombstone), Buffer.alloc(0))
    } catch (error) {
      if (systemCode(error) !== 'EEXIST') throw error
    }
    // The tombstone is durable: the log is deleted, and the next opening finishes the removal.
    await syncDirectory(this.fileSystem, this.path)
    await this.finishDeletion()
  }

  /** Removes the files of a log whose deletion has begun; directories of keys below it stay. */
  async finishDeletion(): Promise<void> {
    const { manifests, segments, snapshots, temporaries } = await this.list()
    for (const number of manifests) await this.#remove(this.manifest(number))
    for (const number of segments) await this.#remove(this.segment(number))
    for (const seq of snapshots) await this.#remove(this.snapshot(seq))
    for (const name of temporaries) await this.#remove(join(this.path, name))
    for (const { name } of await this.fileSystem.list(this.path)) if (leftoverName.test(name)) await this.#remove(join(this.path, name))
    await syncDirectory(this.fileSystem, this.path)
    await this.#remove(join(this.path, tombstone))
    await syncDirectory(this.fileSystem, this.path)
  }

  /** Removes the directory itself, unless it holds keys below it. */
  async removeIfEmpty(): Promise<void> {
    try {
      await this.fileSystem.removeDirectory(this.path)
    } catch (error) {
      const code = systemCode(error)
      if (code !== 'ENOTEMPTY' && code !== 'EEXIST' && !isAbsent(error)) throw error
    }
  }

  async #seal(generation: number): Promise<void> {
    try {
      await this.fileSystem.seal(this.segment(generation))
    } catch (error) {
      // Its writer abandoned it.
      if (!isAbsent(error)) throw error
    }
  }

  #checkOwned(own: number): void {
    if (!this.fileSystem.isUnsealed(own)) throw fenced()
  }

  async #remove(path: string): Promise<void> {
    await removeIfThere(this.fileSystem, path)
  }
}

function collect(numbers: number[], pattern: RegExp, name: string): void {
  const match = pattern.exec(name)
  if (match !== null) numbers.push(Number(match[1]))
}

function pad(generation: number): string {
  return String(generation).padStart(4, '0')
}
