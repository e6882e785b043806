/** A file system whose calls fail or wait as a test decides. */
import type { FileSystem } from '../file-system.ts'
import { strictFileSystem } from './strict-file-system.ts'

/** Called before each call; may throw an error of the system, or wait. */
export type BeforeCall = (name: keyof FileSystem, args: readonly unknown[]) => Promise<void> | void

const synchronous: ReadonlySet<string> = new Set(['isUnsealed', 'identify'])

/** Returns the strict file system with `before` in front of every asynchronous call. */
export function faultyFileSystem(before: BeforeCall): FileSystem {
  return new Proxy(strictFileSystem, {
    get(target, name: keyof FileSystem) {
      const call = target[name] as (...args: unknown[]) => unknown
      if (synchronous.has(name)) return call
      // Its two halves, so that each can fail by itself.
      if (name === 'writeDurably') {
        return async (descriptor: number, ...args: unknown[]) => {
          await before('write', [descriptor, ...args])
          const count = await call(descriptor, ...args)
          await before('datasync', [descriptor])
          return count
        }
      }
      return async (...args: unknown[]) => {
        await before(name, args)
        return await call(...args)
      }
    },
  })
}

/** Returns an error like those of the system. */
export function systemError(code: string): Error {
  return Object.assign(new Error(`${code}: made by a test`), { code })
}
