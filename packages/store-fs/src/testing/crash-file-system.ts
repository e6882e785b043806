/**
 * A file system that models a power cut. Of names, those at the last sync of their directory survive; of contents, those at the last sync of the
 * file. Any later change survives or not, independently of the others.
 */
import {
  existsSync,
  fstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  unlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import { type FileSystem, nodeFileSystem } from '../file-system.ts'

/** Returns whether a change that was not synced survives. */
export type Survives = () => boolean

export class CrashFileSystem {
  /** The file system to give to a store. */
  readonly fileSystem: FileSystem
  readonly #root: string
  // Inode numbers are reused after a deletion, so files have numbers of their own here.
  readonly #files = new Map<number, number>()
  #lastFile = 0
  readonly #directories = new Set<number>()
  // By file: its content after a power cut.
  readonly #durableBytes = new Map<number, Buffer>()
  // By directory: its names and files at its last sync.
  readonly #durableNames = new Map<string, Map<string, number>>()
  readonly #paths = new Map<number, string>()
  // Files that lost their last name, whose old name may come back.
  readonly #lastBytes = new Map<number, Buffer>()
  #onCall: () => void

  /** @param onCall runs before each call that changes a file or directory. */
  constructor(root: string, onCall: () => void = () => undefined) {
    this.#root = root
    this.#onCall = onCall
    this.#addExisting(root)
    // Changes are made in one step with what is noted of them, so that a cut during another call sees both or neither.
    const changing = <A extends unknown[], R>(call: (...args: A) => R | Promise<R>) => {
      return async (...args: A): Promise<R> => {
        this.#onCall()
        return await call(...args)
      }
    }
    const real = nodeFileSystem
    this.fileSystem = {
      ...real,
      open: changing((path, flags) => {
        const descriptor = openSync(path, flags === 'wxd' ? 'wx' : flags, 0o600)
        this.#paths.set(descriptor, path)
        // SQLite makes files of its own.
        if (flags.startsWith('wx') || !this.#files.has(fstatSync(descriptor).ino)) this.#isNew(path)
        return descriptor
      }),
      write: changing((descriptor, bytes, offset, length, position) => writeSync(descriptor, bytes, offset, length, position)),
      truncate: changing(real.truncate),
      rename: changing((from, to) => {
        if (!statSync(from).isDirectory()) this.#remember(to)
        renameSync(from, to)
        // Directories are known by their paths.
        for (const [path, names] of [...this.#durableNames]) {
          if (path !== from && !path.startsWith(`${from}/`)) continue
          this.#durableNames.delete(path)
          this.#durableNames.set(`${to}${path.slice(from.length)}`, names)
        }
      }),
      link: changing(real.link),
      unlink: changing((path, witness) => {
        if (witness !== undefined && !real.isUnsealed(witness())) return false
        this.#remember(path)
        unlinkSync(path)
        return true
      }),
      makeDirectory: changing((path) => {
        mkdirSync(path, 0o700)
        // Of an earlier directory of the same name it has nothing.
        this.#durableNames.delete(path)
        this.#directories.add(this.#isNew(path))
      }),
      removeDirectory: changing(real.removeDirectory),
      // A sync takes its time: what was promised too early is known to be promised by then.
      datasync: async (descriptor) => {
        await new Promise(setImmediate)
        this.#onCall()
        this.#synced(descriptor)
      },
      writeDurably: async (descriptor, ...args) => {
        const count = await this.fileSystem.write(descriptor, ...args)
        await this.fileSystem.datasync(descriptor)
        return count
      },
      sync: changing((descriptor) => this.#synced(descriptor)),
    }
  }

  /** Writes the state after a power cut at this moment into `target`. */
  crash(target: string, survives: Survives): void {
    this.#crashDirectory(this.#root, target, survives)
  }

  #crashDirectory(path: string, target: string, survives: Survives): void {
    mkdirSync(target, { recursive: true })
    const durable = this.#durableNames.get(path) ?? new Map<string, number>()
    const current = this.#namesIn(path)
    for (const name of new Set([...durable.keys(), ...current.keys()])) {
      const [before, now] = [durable.get(name), current.get(name)]
      const file = before === now || survives() ? now : before
      if (file === undefined) continue
      const child = join(path, name)
      if (this.#directories.has(file)) this.#crashDirectory(child, join(target, name), survives)
      else writeFileSync(join(target, name), this.#contentAfterCrash(file, file === now ? child : undefined, survives), { mode: 0o600 })
    }
  }

  #contentAfterCrash(file: number, path: string | undefined, survives: Survives): Buffer {
    const durable = this.#durableBytes.get(file) ?? Buffer.alloc(0)
    const current = path === undefined ? (this.#lastBytes.get(file) ?? durable) : readFileSync(path)
    if (survives()) return current
    // A write that was not synced may survive in part.
    return survives() && current.length > durable.length
      ? current.subarray(0, durable.length + ((current.length - durable.length) >> 1))
      : durable
  }

  #synced(descriptor: number): void {
    const stat = fstatSync(descriptor)
    const path = this.#paths.get(descriptor) ?? ''
    if (stat.isDirectory()) this.#durableNames.set(path, this.#namesIn(path))
    else if (existsSync(path) && statSync(path).ino === stat.ino) this.#durableBytes.set(this.#fileAt(path), readFileSync(path))
  }

  /** What is there before the first call is durable. */
  #addExisting(path: string): void {
    const names = new Map<string, number>()
    for (const name of readdirSync(path)) {
      const child = join(path, name)
      const file = this.#isNew(child)
      names.set(name, file)
      if (statSync(child).isDirectory()) {
        this.#directories.add(file)
        this.#addExisting(child)
      } else this.#durableBytes.set(file, readFileSync(child))
    }
    this.#durableNames.set(path, names)
  }

  #remember(path: string): void {
    if (existsSync(path)) this.#lastBytes.set(this.#fileAt(path), readFileSync(path))
  }

  #isNew(path: string): number {
    this.#lastFile += 1
    this.#files.set(statSync(path).ino, this.#lastFile)
    return this.#lastFile
  }

  #fileAt(path: string): number {
    return this.#files.get(statSync(path).ino) ?? 0
  }

  #namesIn(path: string): Map<string, number> {
    return existsSync(path) ? new Map(readdirSync(path).map((name) => [name, this.#fileAt(join(path, name))])) : new Map()
  }
}
