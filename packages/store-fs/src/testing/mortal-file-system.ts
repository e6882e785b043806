/** A file system for a process that dies: its open files are closed then, and nothing that it still tries has any effect. */
import { closeSync } from 'node:fs'
import type { FileSystem } from '../file-system.ts'

/** Returns the file system until `die`; after that, each call fails. */
export function mortalFileSystem(fileSystem: FileSystem): { readonly fileSystem: FileSystem; die(): void } {
  const open = new Set<number>()
  let isDead = false
  const mortal = new Proxy(fileSystem, {
    get(target, name: keyof FileSystem) {
      const call = target[name] as (...args: unknown[]) => unknown
      if (name === 'isUnsealed') return (descriptor: number) => !isDead && target.isUnsealed(descriptor)
      return async (...args: unknown[]) => {
        if (isDead) throw new Error('the process is dead')
        if (name === 'close') open.delete(args[0] as number)
        const result = await call(...args)
        if (name === 'open') {
          if (isDead) closeSync(result as number)
          else open.add(result as number)
        }
        return result
      }
    },
  })
  const die = (): void => {
    isDead = true
    for (const descriptor of open) closeSync(descriptor)
    open.clear()
  }
  return { fileSystem: mortal, die }
}
