/** One day of a ledger as a document. Pure. */
import type { JsonValue } from '@beamclaw/core'
import { countNames, rowKey, type UsageCounts, type UsageRow, type UsageRows } from './usage-rows.ts'

/** One day as it is stored. `writers` holds the number of each writer's last batch, so that no batch is counted twice. */
export interface UsageDocument {
  readonly rows: UsageRows
  readonly writers: Readonly<Record<string, number>>
}

/** The empty document of a day. */
export const emptyDocument: UsageDocument = { rows: new Map(), writers: {} }

/** Returns a day as JSON. */
export function encodeDocument({ rows, writers }: UsageDocument): JsonValue {
  return { format: 1, writers, rows: [...rows.values()].map(({ labels, counts }) => ({ ...labels, ...counts })) }
}

/** Returns a day from JSON, or `undefined` for a value that this version did not write. */
export function decodeDocument(value: JsonValue): UsageDocument | undefined {
  if (!isObject(value) || value.format !== 1 || !Array.isArray(value.rows) || !isObject(value.writers)) return undefined
  const rows = new Map<string, UsageRow>()
  for (const item of value.rows as readonly JsonValue[]) {
    const row = decodeRow(item)
    if (row === undefined) return undefined
    rows.set(rowKey(row.labels), row)
  }
  const writers: Record<string, number> = {}
  for (const [writer, batch] of Object.entries(value.writers)) if (typeof batch === 'number') writers[writer] = batch
  return { rows, writers }
}

function decodeRow(item: JsonValue): UsageRow | undefined {
  if (!isObject(item)) return undefined
  const { provider, model, agent, tenant } = item
  if (typeof provider !== 'string' || typeof model !== 'string' || typeof agent !== 'string' || typeof tenant !== 'string') return undefined
  const counts: Partial<Record<keyof UsageCounts, number>> = {}
  for (const name of countNames) {
    const count = item[name] ?? 0
    if (!Number.isSafeInteger(count)) return undefined
    counts[name] = count as number
  }
  return { labels: { provider, model, agent, tenant }, counts: counts as UsageCounts }
}

function isObject(value: JsonValue | undefined): value is { readonly [key: string]: JsonValue | undefined } {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
