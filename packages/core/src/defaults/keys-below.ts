/** Reads the keys of a store page by page, so that none of them are too many. */
import type { Store } from '../ports/store.ts'
import type { StoreKey } from '../ports/store-key.ts'

const pageSize = 1_000

/** Yields the keys of documents and logs below `prefix`, in their order. Rejects as the store does. */
export async function* keysBelow(store: Pick<Store, 'list'>, prefix: StoreKey): AsyncGenerator<StoreKey> {
  let after: StoreKey | undefined
  do {
    const keys = await store.list(prefix, { limit: pageSize, ...(after === undefined ? {} : { after }) })
    yield* keys
    after = keys.length < pageSize ? undefined : keys.at(-1)
  } while (after !== undefined)
}
