/** The contract of the Store port as a test suite: an adapter that passes it is a correct Store. */
import { blobReopenTests, blobTests } from './blob-contract.ts'
import { type ContractOptions, declareContract } from './contract.ts'
import { indexReopenTests, indexTests } from './session-index-contract.ts'
import { documentTests, listTests, nameTests, tenantTests, versionTests } from './store-document-contract.ts'
import { inputTests } from './store-input-contract.ts'
import { deleteLogTests, deleteTests, reopenTests, snapshotTests, stopTests } from './store-life-contract.ts'
import { appendTests, fencingTests, readTests } from './store-log-contract.ts'
import { pageTests } from './store-page-contract.ts'
import type { StoreUnderTest } from './store-under-test.ts'

/** Makes a store without data; called once for each test. */
export type MakeStore = () => StoreUnderTest | Promise<StoreUnderTest>

const sections = {
  documents: documentTests,
  versions: versionTests,
  list: listTests,
  names: nameTests,
  tenants: tenantTests,
  input: inputTests,
  append: appendTests,
  read: readTests,
  fencing: fencingTests,
  snapshot: snapshotTests,
  pages: pageTests,
  blobs: blobTests,
  delete: deleteTests,
  deleteLog: deleteLogTests,
  index: indexTests,
  reopen: { ...reopenTests, ...blobReopenTests, ...indexReopenTests },
  stop: stopTests,
} as const

/** A part of the contract that can be skipped as a whole. */
export type StoreContractSection = keyof typeof sections

/** The `describe` and `it` of the test runner, and the sections to skip, each with a reason. */
export type StoreContractOptions = ContractOptions<StoreContractSection>

/**
 * Declares the contract's tests; call it at the top level of a test file. `makeStore` is called once for each test.
 *
 * @example
 * storeContract('MyStore', () => ({ store: new MyStore() }), { describe, it })
 */
export function storeContract(name: string, makeStore: MakeStore, options: StoreContractOptions): void {
  const dispose = async ({ dispose: rest }: StoreUnderTest): Promise<void> => rest?.()
  declareContract({
    suite: 'storeContract',
    title: `${name} keeps the Store contract`,
    sections,
    make: makeStore,
    adapters: ['store'],
    dispose,
    options,
  })
}
