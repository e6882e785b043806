/**
 * Returns the items of batches, one by one. Several items that arrived together cost one promise each, and not the several microtasks of a `yield`.
 * Leaving the loop ends the batches, and drops what was not read. One read at a time.
 */
export function oneByOne<T>(batches: AsyncGenerator<readonly T[], void, undefined>): AsyncIterableIterator<T, void, undefined> {
  let batch: readonly T[] = []
  let index = 0
  const next = async (): Promise<IteratorResult<T, void>> => {
    for (;;) {
      const read = await batches.next()
      if (read.done === true) return read
      const [first] = read.value
      if (first === undefined) continue
      batch = read.value
      index = 1
      return { done: false, value: first }
    }
  }
  return {
    [Symbol.asyncIterator]() {
      return this
    },
    next: () => {
      const item = batch[index]
      if (item === undefined) return next()
      index++
      return Promise.resolve({ done: false, value: item })
    },
    return: async () => {
      batch = []
      await batches.return()
      return { done: true, value: undefined }
    },
  }
}
