export {
  type MakeStore,
  type StoreContractOptions,
  type StoreContractSection,
  type StoreUnderTest,
  storeContract,
} from './store-contract.ts'
export { expectRejection, fencingToken, logRecords, range, seqsOf, storeKey } from './store-fixtures.ts'
