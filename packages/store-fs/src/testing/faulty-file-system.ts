/** A file system that fails or waits where a test says so. */
import { type FileSystem, nodeFileSystem } from '../file-system.ts'

/** Looks at each call before it is made; may throw what the system would, or wait. */
export type BeforeCall = (name: keyof FileSystem, args: readonly unknown[]) => Promise<void> | void

const synchronous: ReadonlySet<string> = new Set(['isUnsealed', 'identify'])

/** The real file system with `before` in front of every call that takes a thread. */
export function faultyFileSystem(before: BeforeCall): FileSystem {
  return new Proxy(nodeFileSystem, {
    get(target, name: keyof FileSystem) {
      const call = target[name] as (...args: unknown[]) => unknown
      if (synchronous.has(name)) return call
      return async (...args: unknown[]) => {
        await before(name, args)
        return await call(...args)
      }
    },
  })
}

/** An error as the system makes them. */
export function systemError(code: string): Error {
  return Object.assign(new Error(`${code}: made by a test`), { code })
}
