/** The sums of a ledger: one row for each provider, model, agent and tenant of a day. Pure. */
import type { Usage } from '@beamclaw/core'

/** The labels of the calls in a row. */
export interface UsageLabels {
  readonly provider: string
  readonly model: string
  readonly agent: string
  readonly tenant: string
}

/** The counts of a row; all whole numbers, so that sums are exact. */
export interface UsageCounts extends Required<Usage> {
  /** Calls that ended, failed ones too. */
  readonly requests: number
  /** Calls that ended with an error of the provider. */
  readonly failures: number
  /** Calls that a budget refused; not included in `requests`. */
  readonly refused: number
  /** Calls with estimated tokens, because they were interrupted. */
  readonly estimated: number
  /** Calls of models without a price. */
  readonly unpriced: number
  /** Billionths of a US dollar. */
  readonly costNanoUsd: number
}

/** All counts 0. */
export const noCounts: UsageCounts = {
  requests: 0,
  failures: 0,
  refused: 0,
  estimated: 0,
  unpriced: 0,
  inputTokens: 0,
  outputTokens: 0,
  cacheReadTokens: 0,
  cacheWriteTokens: 0,
  reasoningTokens: 0,
  longCacheWriteTokens: 0,
  costNanoUsd: 0,
}

/** The names of all counts. */
export const countNames = Object.keys(noCounts) as readonly (keyof UsageCounts)[]

/** Returns `a` plus `sign` times `b`. */
export function addCounts(a: UsageCounts, b: Partial<UsageCounts>, sign: 1 | -1 = 1): UsageCounts {
  const sum: Record<string, number> = {}
  for (const name of countNames) sum[name] = a[name] + sign * (b[name] ?? 0)
  return sum as unknown as UsageCounts
}

/** Returns true when all counts are 0. */
function isNothing(counts: UsageCounts): boolean {
  return countNames.every((name) => counts[name] === 0)
}

/** The counts under one set of labels. */
export interface UsageRow {
  readonly labels: UsageLabels
  readonly counts: UsageCounts
}

/** Rows by their labels. */
export type UsageRows = ReadonlyMap<string, UsageRow>

/** The label of calls that came after a day had its `maxRows`. */
const otherLabel = '(other)'

const otherLabels: UsageLabels = { provider: otherLabel, model: otherLabel, agent: otherLabel, tenant: otherLabel }

/** Adds to the row of `labels`. Once there are `maxRows`, new labels share one row: totals stay exact and memory bounded. */
export function addToRows(rows: Map<string, UsageRow>, labels: UsageLabels, counts: Partial<UsageCounts>, maxRows: number): void {
  const key = rowKey(labels)
  const known = rows.get(key)
  if (known === undefined && rows.size >= maxRows && labels.model !== otherLabel) return addToRows(rows, otherLabels, counts, maxRows)
  rows.set(key, { labels: known?.labels ?? labels, counts: addCounts(known?.counts ?? noCounts, counts) })
}

/** Returns the rows of both, added up. */
export function mergeRows(first: UsageRows, second: UsageRows, maxRows: number): Map<string, UsageRow> {
  const merged = new Map(first)
  for (const { labels, counts } of second.values()) addToRows(merged, labels, counts, maxRows)
  return merged
}

/** Returns what `after` counts beyond `before`, row by row. */
export function rowsBeyond(before: UsageRows, after: UsageRows): readonly UsageRow[] {
  const beyond: UsageRow[] = []
  for (const [key, { labels, counts }] of after) {
    const more = addCounts(counts, before.get(key)?.counts ?? noCounts, -1)
    if (!isNothing(more)) beyond.push({ labels, counts: more })
  }
  return beyond
}

/** Returns the key of a row within its day. */
export function rowKey({ provider, model, agent, tenant }: UsageLabels): string {
  return JSON.stringify([provider, model, agent, tenant])
}

/** Returns a usage with all counts as whole numbers, so that one provider's bad counts cannot spoil the sums. */
export function wholeUsage(usage: Usage): Required<Usage> {
  const outputTokens = whole(usage.outputTokens)
  const cacheWriteTokens = whole(usage.cacheWriteTokens)
  return {
    inputTokens: whole(usage.inputTokens),
    outputTokens,
    cacheReadTokens: whole(usage.cacheReadTokens),
    cacheWriteTokens,
    // Parts of the counts above.
    reasoningTokens: Math.min(outputTokens, whole(usage.reasoningTokens ?? 0)),
    longCacheWriteTokens: Math.min(cacheWriteTokens, whole(usage.longCacheWriteTokens ?? 0)),
  }
}

/** More tokens than any call has; sums of years of them are still exact. */
const maxTokens = 100_000_000

function whole(count: number): number {
  return Number.isFinite(count) && count > 0 ? Math.min(maxTokens, Math.round(count)) : 0
}
