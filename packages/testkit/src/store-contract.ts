/** The contract of the Store port as tests: whoever writes a store runs them over it, and it is a store when all pass. */
import type { Store } from '@beamclaw/core'
import { afterEach, describe, test } from 'vitest'
import { documentTests, listTests, nameTests, tenantTests, versionTests } from './store-document-contract.ts'
import { inputTests } from './store-input-contract.ts'
import { compactTests, deleteTests, reopenTests, stopTests } from './store-life-contract.ts'
import { appendTests, fencingTests, readTests } from './store-log-contract.ts'

/** A store for one test. */
export interface StoreUnderTest {
  readonly store: Store
  /** Called after `store.stop()`: another store over the same data. */
  reopen?(): Promise<Store>
  /** Called after the test: stops the store and removes its data. */
  dispose?(): Promise<void>
}

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
  compact: compactTests,
  delete: deleteTests,
  reopen: reopenTests,
  stop: stopTests,
} as const

/** A part of the contract that can be skipped as a whole. */
export type StoreContractSection = keyof typeof sections

export interface StoreContractOptions {
  /** Sections that this store cannot pass, each with the reason in words. */
  readonly skip?: { readonly [K in StoreContractSection]?: string }
}

/** Declares the contract's tests over a store; call it at the top level of a vitest file. */
export function storeContract(name: string, makeStore: MakeStore, { skip = {} }: StoreContractOptions = {}): void {
  describe(`${name} keeps the Store contract`, () => {
    const made: StoreUnderTest[] = []
    afterEach(async () => {
      for (const { dispose } of made.splice(0)) await dispose?.()
    })
    const use = async (): Promise<StoreUnderTest> => {
      const subject = await makeStore()
      made.push(subject)
      return subject
    }
    for (const [section, tests] of Object.entries(sections) as [StoreContractSection, StoreTests][]) {
      const reason = skip[section]
      if (reason === undefined) describe(section, () => declare(tests, use))
      else if (reason.trim().length < 10) throw new Error(`storeContract: the reason to skip "${section}" must be written out`)
      else describe.skip(`${section}: ${reason}`, () => declare(tests, use))
    }
  })
}

/** Tests by name, each over a store of its own. */
export type StoreTests = { readonly [name: string]: (subject: StoreUnderTest) => Promise<void> }

function declare(tests: StoreTests, use: () => Promise<StoreUnderTest>): void {
  for (const [name, run] of Object.entries(tests)) test(name, async () => run(await use()))
}
