/** What a usage ledger can be told. */
import { defaultTenant, type Store, type StoreKey, type SystemServices } from '@beamclaw/core'
import type { PriceTable } from './price-table.ts'
import type { UsageBudget } from './usage-budget.ts'

/** Prices, budgets, and where the days are kept. */
export interface UsageLedgerOptions {
  /** What tokens cost. @default {} nothing has a price */
  readonly prices?: PriceTable
  /** Hard limits; a call that one of them has no room for fails before it is made. @default [] */
  readonly budgets?: readonly UsageBudget[]
  /** Where the days are kept; ours to use, not to stop. @default memory only */
  readonly store?: Store
  /** Below which key the days are kept, one document each. @default ['default', 'usage'] */
  readonly storeKey?: StoreKey
  /** Milliseconds from a call to its being saved; what a crash may lose. @default 5_000 */
  readonly flushMs?: number
  /** Days that reports know of; at least 31. Older ones stay in the store. @default 90 */
  readonly daysKept?: number
  /** Rows of a day; calls with further labels share the row `(other)`. @default 10_000 */
  readonly maxRowsPerDay?: number
  /** Output tokens that are set aside for a call without `maxOutputTokens`. @default 4_096 */
  readonly reserveOutputTokens?: number
  /** Clock, logger and ids. @default the machine's own */
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
