/** A file system for a process that dies between two calls to the system. */
import { type FileSystem, nodeFileSystem } from '@beamclaw/store-fs'

/** Calls that leave the disk as it is. */
const harmless: ReadonlySet<string> = new Set(['read', 'size', 'list', 'changedAt', 'close', 'isUnsealed', 'identify'])

export interface DyingFileSystem {
  readonly fileSystem: FileSystem
  /** Calls that may have changed something. */
  readonly calls: () => number
}

/** Returns a file system of which the calls from the one with this number on fail, without any effect; those that only read are not counted. */
export function dyingFileSystem(deathAt = Number.POSITIVE_INFINITY): DyingFileSystem {
  let calls = 0
  const fileSystem = new Proxy(nodeFileSystem, {
    get(target, name: keyof FileSystem) {
      const call = target[name] as (...args: unknown[]) => unknown
      if (name === 'isUnsealed' || name === 'identify') return call
      return async (...args: unknown[]) => {
        const isCounted = !harmless.has(name) && !(name === 'open' && args[1] === 'r')
        if (isCounted) calls += 1
        // What is open is closed with the process.
        if (calls >= deathAt && name !== 'close') throw new Error('the process is dead')
        return await call(...args)
      }
    },
  })
  return { fileSystem, calls: () => calls }
}
