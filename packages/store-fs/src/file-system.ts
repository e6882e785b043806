/** The operating system calls of the store, behind one interface so that tests can make each of them fail. */
import * as fs from 'node:fs'

/** One name in a directory, as `FileSystem.list` returns it. */
export interface DirectoryEntry {
  readonly name: string
  /** True for directories, and for symbolic links, which may lead to one. */
  readonly mayHoldEntries: boolean
}

/**
 * Returns the descriptor of an open file that a later owner would seal. It is called in the very step that it guards: by the end of a wait the log may have
 * gone on in another segment, and the descriptor from before is closed, or belongs to another file.
 */
export type Witness = () => number

/**
 * The operating system calls of the store. Every call rejects with the system's own errors (`code` is `ENOENT` and so on). Files are created
 * with mode 0600, directories with 0700.
 */
export interface FileSystem {
  /** `wxd` is `wx` for a file that is written with `writeDurably`. */
  open(path: string, flags: 'r' | 'r+' | 'wx' | 'wxd'): Promise<number>
  close(descriptor: number): Promise<void>
  read(descriptor: number, bytes: Uint8Array, offset: number, length: number, position: number): Promise<number>
  write(descriptor: number, bytes: Uint8Array, offset: number, length: number, position: number): Promise<number>
  /** Writes into a file that was opened with `wxd`; what was written is durable once it resolves. */
  writeDurably(descriptor: number, bytes: Uint8Array, offset: number, length: number, position: number): Promise<number>
  datasync(descriptor: number): Promise<void>
  sync(descriptor: number): Promise<void>
  /**
   * Truncates a file if the open file `witness` is not sealed; resolves with whether it did. Check and truncation are one atomic step for
   * this process: a later owner relies on every byte that it read.
   */
  truncate(descriptor: number, length: number, witness: Witness): Promise<boolean>
  size(descriptor: number): Promise<number>
  rename(from: string, to: string): Promise<void>
  /**
   * Gives a file a second name, which must be free, if the open file `witness` is not sealed; resolves with whether it did. Check and link are one atomic step
   * for this process.
   */
  link(from: string, to: string, witness: Witness): Promise<boolean>
  /**
   * Removes a file, with `witness` only if that open file is not sealed; resolves with whether it did. Check and removal are one atomic step for this process:
   * a later owner may give the name to a file of its own.
   */
  unlink(path: string, witness?: Witness): Promise<boolean>
  makeDirectory(path: string): Promise<void>
  removeDirectory(path: string): Promise<void>
  list(path: string): Promise<DirectoryEntry[]>
  /** Returns the time of the last change of a file or of the names in a directory, in milliseconds with a fraction. */
  changedAt(path: string): Promise<number>
  /** Removes the owner's write permission, which marks a sealed segment. */
  seal(path: string): Promise<void>
  /** Returns false when the open file was sealed or deleted. Synchronous, because it does not wait for the disk. */
  isUnsealed(descriptor: number): boolean
  /** Returns device and inode of the open file, which tell it from another file of the same name. */
  identify(descriptor: number): string
}

const privateFile = 0o600
const sealedFile = 0o400
const privateDirectory = 0o700
const ownerMayWrite = 0o200

// Write and sync in one call, without a turn of a busy event loop in between. Elsewhere there is no such flag, or it does not reach the disk (macOS).
const writesAreSynced = process.platform === 'linux'
const durableFile = fs.constants.O_WRONLY | fs.constants.O_CREAT | fs.constants.O_EXCL | fs.constants.O_DSYNC

function flagsOf(flags: Parameters<FileSystem['open']>[1]): fs.OpenMode {
  if (flags !== 'wxd') return flags
  return writesAreSynced ? durableFile : 'wx'
}

/** The `FileSystem` of Node, and the default of `FsStore`. */
export const nodeFileSystem: FileSystem = {
  open: (path, flags) => call((done) => fs.open(path, flagsOf(flags), privateFile, done)),
  close: (descriptor) => run((done) => fs.close(descriptor, done)),
  read: (descriptor, bytes, offset, length, position) => call((done) => fs.read(descriptor, bytes, offset, length, position, done)),
  write: (descriptor, bytes, offset, length, position) => call((done) => fs.write(descriptor, bytes, offset, length, position, done)),
  writeDurably: async (descriptor, bytes, offset, length, position) => {
    const count = await nodeFileSystem.write(descriptor, bytes, offset, length, position)
    if (!writesAreSynced) await nodeFileSystem.datasync(descriptor)
    return count
  },
  datasync: (descriptor) => run((done) => fs.fdatasync(descriptor, done)),
  sync: (descriptor) => run((done) => fs.fsync(descriptor, done)),
  // Synchronous inside: with a thread switch in between, another process's seal could fall between check and truncation.
  truncate: async (descriptor, length, witness) => {
    if (!nodeFileSystem.isUnsealed(witness())) return false
    fs.ftruncateSync(descriptor, length)
    return true
  },
  size: async (descriptor) => (await call<fs.Stats>((done) => fs.fstat(descriptor, done))).size,
  rename: (from, to) => run((done) => fs.rename(from, to, done)),
  link: async (from, to, witness) => {
    if (!nodeFileSystem.isUnsealed(witness())) return false
    fs.linkSync(from, to)
    return true
  },
  unlink: async (path, witness) => {
    if (witness === undefined) {
      await run((done) => fs.unlink(path, done))
      return true
    }
    // While it is open the call takes a name away; the system frees what the file held when it is closed, outside of the event loop.
    const held = await nodeFileSystem.open(path, 'r')
    try {
      if (!nodeFileSystem.isUnsealed(witness())) return false
      fs.unlinkSync(path)
      return true
    } finally {
      await nodeFileSystem.close(held)
    }
  },
  makeDirectory: (path) => run((done) => fs.mkdir(path, privateDirectory, done)),
  removeDirectory: (path) => run((done) => fs.rmdir(path, done)),
  list: async (path) => {
    const entries = await call<fs.Dirent[]>((done) => fs.readdir(path, { withFileTypes: true }, done))
    return entries.map((entry) => ({ name: entry.name, mayHoldEntries: entry.isDirectory() || entry.isSymbolicLink() }))
  },
  changedAt: async (path) => (await call<fs.Stats>((done) => fs.stat(path, done))).mtimeMs,
  seal: (path) => run((done) => fs.chmod(path, sealedFile, done)),
  // Synchronous on purpose: it reads one field of an inode in memory, which costs less than a thread switch.
  isUnsealed: (descriptor) => {
    const { mode, nlink } = fs.fstatSync(descriptor)
    return nlink > 0 && (mode & ownerMayWrite) !== 0
  },
  identify: (descriptor) => {
    const { dev, ino, birthtimeNs } = fs.fstatSync(descriptor, { bigint: true })
    // Joined into one flat string: there is one for each open log.
    return [dev, ino, birthtimeNs].join('.')
  },
}

function call<T>(start: (done: (error: Error | null | undefined, value: T) => void) => void): Promise<T> {
  return new Promise((resolve, reject) => {
    start((error, value) => {
      if (error) reject(error)
      else resolve(value)
    })
  })
}

function run(start: (done: (error: Error | null | undefined) => void) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    start((error) => {
      if (error) reject(error)
      else resolve()
    })
  })
}
