/**
 * The real file system with descriptors of its own, of which none is given out twice. The system gives each out again at once, so that a late call with one that
 * was closed does no harm in most runs, and meets another file in a few.
 */
import { type FileSystem, nodeFileSystem, type Witness } from '../file-system.ts'

const first = 1_000_000

function makeStrict(): FileSystem {
  const open = new Map<number, number>()
  let last = first
  const real = (descriptor: number, call: string): number => {
    const known = open.get(descriptor)
    if (known !== undefined) return known
    const error = new Error(`${call} with a descriptor that is not open: ${descriptor}`)
    // The test fails also when the caller passes over the error.
    void Promise.reject(error)
    throw error
  }
  const proving =
    (witness: Witness): Witness =>
    () =>
      real(witness(), 'a look at the owner')
  return {
    ...nodeFileSystem,
    open: async (...args) => {
      const descriptor = await nodeFileSystem.open(...args)
      last += 1
      open.set(last, descriptor)
      return last
    },
    close: async (descriptor) => {
      const known = real(descriptor, 'close')
      open.delete(descriptor)
      await nodeFileSystem.close(known)
    },
    read: async (descriptor, ...rest) => await nodeFileSystem.read(real(descriptor, 'read'), ...rest),
    write: async (descriptor, ...rest) => await nodeFileSystem.write(real(descriptor, 'write'), ...rest),
    writeDurably: async (descriptor, ...rest) => await nodeFileSystem.writeDurably(real(descriptor, 'writeDurably'), ...rest),
    datasync: async (descriptor) => await nodeFileSystem.datasync(real(descriptor, 'datasync')),
    sync: async (descriptor) => await nodeFileSystem.sync(real(descriptor, 'sync')),
    truncate: async (descriptor, length, witness) => await nodeFileSystem.truncate(real(descriptor, 'truncate'), length, proving(witness)),
    size: async (descriptor) => await nodeFileSystem.size(real(descriptor, 'size')),
    link: async (from, to, witness) => await nodeFileSystem.link(from, to, proving(witness)),
    unlink: async (path, witness) => await nodeFileSystem.unlink(path, witness && proving(witness)),
    isUnsealed: (descriptor) => nodeFileSystem.isUnsealed(real(descriptor, 'isUnsealed')),
    identify: (descriptor) => nodeFileSystem.identify(real(descriptor, 'identify')),
  }
}

/** Shared, so that file systems which wrap it can be mixed in one test. */
export const strictFileSystem: FileSystem = makeStrict()
