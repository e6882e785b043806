/** The options of `UsageLedger` and their defaults. */
import { defaultTenant, type Store, type StoreKey, type SystemServices } from '@beamclaw/core'
import type { PriceTable } from './price-table.ts'
import type { UsageBudget } from './usage-budget.ts'

/** Prices, budgets, and the store of a `UsageLedger`. */
export interface UsageLedgerOptions {
  /** Prices of tokens; they count before those that a provider knows of its models. @default {} */
  readonly prices?: PriceTable
  /** Hard limits; a call for which one has no room fails before it is made. @default [] */
  readonly budgets?: readonly UsageBudget[]
  /** Store of the days; used, but not stopped. @default memory only */
  readonly store?: Store
  /** Key prefix of the days, one document each. @default ['default', 'usage'] */
  readonly storeKey?: StoreKey
  /** Milliseconds from a call until it is saved, which is what a crash may lose. @default 5_000 */
  readonly flushMs?: number
  /** Days in memory, which reports can cover; at least 31. Older ones stay in the store. @default 90 */
  readonly daysKept?: number
  /** Maximum rows of a day; calls with further labels share the row `(other)`. @default 10_000 */
  readonly maxRowsPerDay?: number
  /** Output tokens reserved for a call without `maxOutputTokens`. @default 4_096 */
  readonly reserveOutputTokens?: number
  /** Clock, logger and ids. @default those of the machine */
  readonly services?: Partial<SystemServices>
}

/** Defaults for `UsageLedgerOptions`. */
export const usageLedgerDefaults = {
  prices: {},
  budgets: [],
  storeKey: [defaultTenant, 'usage'],
  flushMs: 5_000,
  daysKept: 90,
  maxRowsPerDay: 10_000,
  reserveOutputTokens: 4_096,
} as const satisfies Partial<UsageLedgerOptions>

/** The labels under which a guard of the ledger counts calls. */
export interface UsageLabelDefaults {
  /** The provider's id, as in price names. */
  readonly provider: string
  /** Agent of the calls that do not name theirs. @default 'none' */
  readonly agent?: string
  /** Tenant of the calls that do not name theirs; those of sessions do. @default 'default' */
  readonly tenant?: string
}
