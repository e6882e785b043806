/** One process owns a data directory. The first line of defence only: what keeps logs whole is the sealing of segments. */
import { createHash, randomUUID } from 'node:crypto'
import { mkdir, readFile, readlink, realpath, rm, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:net'
import { hostname } from 'node:os'
import { dirname, join } from 'node:path'
import { BeamClawError } from '@beamclaw/core'
import { syncDirectory } from './atomic-write.ts'
import { systemCode } from './failures.ts'
import { nodeFileSystem } from './file-system.ts'

/** What the lock file says about its owner. */
interface Owner {
  readonly pid: number
  /** When the process started, in the system's own words; tells a process from a later one with the same pid. */
  readonly started: string
  /** Where the pid means something. */
  readonly host: string
  readonly nonce: string
}

// No part of a key starts with a dot.
const lockName = '.lock'

/** Held from `acquire` to `release`, or to the end of the process. */
export class DirectoryLock {
  readonly #file: string
  readonly #nonce: string
  readonly #server: Server | undefined

  private constructor(file: string, nonce: string, server: Server | undefined) {
    this.#file = file
    this.#nonce = nonce
    this.#server = server
  }

  /** Makes the directory when it is missing, and locks it. Rejects `store-locked`, naming the owner's pid. */
  static async acquire(path: string): Promise<DirectoryLock> {
    const made = await mkdir(path, { recursive: true, mode: 0o700 })
    const real = await realpath(path)
    if (made !== undefined) await syncNames(real, await realpath(made))
    const file = join(real, lockName)
    const server = await listen(real, file)
    try {
      const owner = await readOwner(file)
      if (owner !== undefined && (await isAlive(owner, server !== undefined))) throw locked(real, owner)
      const nonce = randomUUID()
      const mine: Owner = { pid: process.pid, started: await startOf(process.pid), host: await namespace(), nonce }
      await rm(file, { force: true })
      await writeFile(file, `${JSON.stringify(mine)}\n`, { mode: 0o600, flag: 'wx' })
      return new DirectoryLock(file, nonce, server)
    } catch (error) {
      await closeServer(server)
      if (systemCode(error) === 'EEXIST') throw locked(real, await readOwner(file))
      throw error
    }
  }

  /** False once the lock was deleted, alone or with its directory, or is another's. */
  async isHeld(): Promise<boolean> {
    return (await readOwner(this.#file))?.nonce === this.#nonce
  }

  /** Lets the next process in. */
  async release(): Promise<void> {
    if (await this.isHeld()) await rm(this.#file, { force: true })
    await closeServer(this.#server)
  }
}

/** Makes the names of new directories durable, from the innermost to the outermost. */
async function syncNames(innermost: string, outermost: string): Promise<void> {
  for (let path = innermost; ; path = dirname(path)) {
    await syncDirectory(nodeFileSystem, dirname(path))
    if (path === outermost || path === dirname(path)) return
  }
}

/** Listens on a name that the system frees with the process, however it ends. Undefined where there are no such names. */
async function listen(directory: string, file: string): Promise<Server | undefined> {
  const name = `beamclaw-${createHash('sha256').update(directory).digest('hex').slice(0, 40)}`
  const address = process.platform === 'linux' ? `\0${name}` : process.platform === 'win32' ? `\\\\.\\pipe\\${name}` : undefined
  if (address === undefined) return undefined
  const server = createServer((connection) => connection.destroy())
  server.unref()
  return await new Promise((resolve, reject) => {
    server.once('error', (error) => {
      if (systemCode(error) === 'EADDRINUSE') readOwner(file).then((owner) => reject(locked(directory, owner)), reject)
      // A sandbox without such sockets: the lock file has to do.
      else resolve(undefined)
    })
    server.listen(address, () => resolve(server))
  })
}

async function closeServer(server: Server | undefined): Promise<void> {
  if (server !== undefined) await new Promise<void>((resolve) => server.close(() => resolve()))
}

async function readOwner(file: string): Promise<Owner | undefined> {
  try {
    return JSON.parse(await readFile(file, 'utf8')) as Owner
  } catch (error) {
    // A file that is missing or half written names nobody.
    if (systemCode(error) === 'ENOENT' || error instanceof SyntaxError) return undefined
    throw error
  }
}

async function isAlive({ pid, started, host }: Owner, hasSocket: boolean): Promise<boolean> {
  // A pid of another machine or container says nothing here.
  if (host !== (await namespace())) return false
  // This very process does not hold the socket, so it left the file behind.
  if (pid === process.pid && hasSocket) return false
  try {
    process.kill(pid, 0)
  } catch (error) {
    if (systemCode(error) !== 'EPERM') return false
  }
  return (await startOf(pid)) === started
}

async function startOf(pid: number): Promise<string> {
  if (process.platform !== 'linux') return 'unknown'
  try {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8')
    // The name in parentheses may hold spaces; the start time is the 20th field after it.
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? 'unknown'
  } catch {
    return 'gone'
  }
}

async function namespace(): Promise<string> {
  if (process.platform !== 'linux') return hostname()
  try {
    const boot = await readFile('/proc/sys/kernel/random/boot_id', 'utf8')
    return `${boot.trim()} ${await readlink('/proc/self/ns/pid')}`
  } catch {
    return hostname()
  }
}

function locked(directory: string, owner: Owner | undefined): BeamClawError {
  const who = owner === undefined ? 'another process' : `process ${owner.pid}`
  return new BeamClawError(
    'store-locked',
    `${directory} is in use by ${who}, and one process owns a data directory: stop that one, or use another directory`,
    {
      details: { directory, pid: owner?.pid, lockFile: join(directory, lockName) },
    },
  )
}
