/** What the parts of the Store contract share: the store that a test gets, and the shape of the tests. */
import type { BlobId, Store, StoreKey } from '@beamclaw/core'
import type { ContractTests } from './contract.ts'

/** A store for one test. */
export interface StoreUnderTest {
  readonly store: Store
  /** Called after `store.stop()`: another store over the same data. */
  reopen?(): Promise<Store>
  /** Changes a byte of a blob that is stored, as a failing disk does. Absent where a test cannot reach the bytes. */
  damageBlob?(owner: StoreKey, id: BlobId): Promise<void>
  /** Called after the test: stops the store and removes its data. */
  dispose?(): Promise<void>
}

/** Tests by name, each over a store of its own. */
export type StoreTests = ContractTests<StoreUnderTest>
