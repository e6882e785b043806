/** Batches of items: one `next` at a time. */
interface Batches<T> {
  next(): Promise<IteratorResult<readonly T[], void>>
  /** Ends them. */
  return(): unknown
}

/**
 * Returns the items of batches, one by one. Several items that arrived together cost one promise each, and not the several microtasks of a `yield`.
 * Leaving the loop ends the batches, and drops what was not read. Reads that do not wait for each other are answered in their order.
 */
export function oneByOne<T>(batches: Batches<T>): AsyncIterableIterator<T, void, undefined> {
  let batch: readonly T[] = []
  let index = 0
  let isLeft = false
  /** The read that waits for a batch. */
  let reading: Promise<IteratorResult<T, void>> | undefined
  const read = async (): Promise<IteratorResult<T, void>> => {
    try {
      for (;;) {
        const next = await batches.next()
        if (next.done === true) return next
        const [first] = next.value
        if (first === undefined) continue
        batch = isLeft ? [] : next.value
        index = 1
        return { done: false, value: first }
      }
    } finally {
      reading = undefined
    }
  }
  const next = (): Promise<IteratorResult<T, void>> => {
    if (reading !== undefined) return reading.then(next, next)
    const item = batch[index]
    if (item === undefined) {
      reading = read()
      return reading
    }
    index++
    return Promise.resolve({ done: false, value: item })
  }
  return {
    [Symbol.asyncIterator]() {
      return this
    },
    next,
    return: async () => {
      isLeft = true
      batch = []
      await batches.return()
      return { done: true, value: undefined }
    },
  }
}
