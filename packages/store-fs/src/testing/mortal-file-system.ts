/** A file system for a process that dies: what is under way ends, its open files are closed then, and nothing that it still tries has any effect. */
import { closeSync } from 'node:fs'
import type { FileSystem } from '../file-system.ts'

/** Returns the file system until `die`; after that, each call fails. `die` resolves once no call is under way. */
export function mortalFileSystem(fileSystem: FileSystem): { readonly fileSystem: FileSystem; die(): Promise<void> } {
  const open = new Set<number>()
  const underWay = new Set<Promise<unknown>>()
  let isDead = false
  const mortal = new Proxy(fileSystem, {
    get(target, name: keyof FileSystem) {
      const call = target[name] as (...args: unknown[]) => unknown
      if (name === 'isUnsealed') return (descriptor: number) => !isDead && target.isUnsealed(descriptor)
      const living = async (...args: unknown[]): Promise<unknown> => {
        if (name === 'close') open.delete(args[0] as number)
        const result = await call(...args)
        if (name === 'open') open.add(result as number)
        return result
      }
      return async (...args: unknown[]) => {
        if (isDead) throw new Error('the process is dead')
        const done = living(...args)
        underWay.add(done)
        try {
          return await done
        } finally {
          underWay.delete(done)
        }
      }
    },
  })
  const die = async (): Promise<void> => {
    isDead = true
    // A write that is under way would meet the file that gets its descriptor next.
    await Promise.allSettled(underWay)
    for (const descriptor of open) closeSync(descriptor)
    open.clear()
  }
  return { fileSystem: mortal, die }
}
