/** Sums of a ledger's rows by any of their labels. Pure. */
import { BeamClawError } from '@beamclaw/core'
import { nanoPerUsd } from './price-table.ts'
import { addCounts, noCounts, type UsageCounts, type UsageLabels, type UsageRows } from './usage-rows.ts'

/** A label by which usage is summed up. */
export type UsageDimension = keyof UsageLabels | 'day'

/** The range, filter and dimensions of a usage report. */
export interface UsageReportOptions {
  /** Dimensions; one line for each combination. @default [] one line for all */
  readonly by?: UsageDimension | readonly UsageDimension[]
  /** First day, in UTC: `2026-01-31`. @default the oldest day kept */
  readonly from?: string
  /** Last day. @default today */
  readonly to?: string
  /** Only calls with these labels count. @default all */
  readonly where?: Partial<Readonly<Record<keyof UsageLabels, string>>>
}

/** One line of a usage report. */
export interface UsageReportLine extends Omit<UsageCounts, 'costNanoUsd'> {
  /** The values of the requested dimensions. */
  readonly of: Partial<Readonly<Record<UsageDimension, string>>>
  /** US dollars. */
  readonly costUsd: number
}

const dimensions: readonly UsageDimension[] = ['provider', 'model', 'agent', 'tenant', 'day']

/** Returns the lines, sorted by their dimensions; without dimensions one line, even if all counts are 0. Throws `invalid-option`. */
export function reportOf(days: Iterable<readonly [day: string, rows: UsageRows]>, options: UsageReportOptions): readonly UsageReportLine[] {
  const by = typeof options.by === 'string' ? [options.by] : (options.by ?? [])
  for (const name of by) {
    if (dimensions.includes(name)) continue
    throw new BeamClawError('invalid-option', `UsageLedger.report: option "by" must be one or more of ${dimensions.join(', ')}`)
  }
  const { from = '', to = '\uffff', where = {} } = options
  const conditions = Object.entries(where) as [keyof UsageLabels, string | undefined][]
  const lines = new Map<string, { readonly values: readonly string[]; counts: UsageCounts }>()
  if (by.length === 0) lines.set('[]', { values: [], counts: noCounts })
  for (const [day, rows] of days) {
    if (day < from || day > to) continue
    for (const { labels, counts } of rows.values()) {
      if (conditions.some(([name, value]) => value !== undefined && labels[name] !== value)) continue
      const values = by.map((name) => (name === 'day' ? day : labels[name]))
      const key = JSON.stringify(values)
      const line = lines.get(key) ?? { values, counts: noCounts }
      line.counts = addCounts(line.counts, counts)
      lines.set(key, line)
    }
  }
  return [...lines.values()].sort((a, b) => compare(a.values, b.values)).map(({ values, counts }) => lineOf(by, values, counts))
}

function lineOf(by: readonly UsageDimension[], values: readonly string[], { costNanoUsd, ...counts }: UsageCounts): UsageReportLine {
  const of: Partial<Record<UsageDimension, string>> = {}
  for (const [index, name] of by.entries()) of[name] = values[index] ?? ''
  return { of, ...counts, costUsd: costNanoUsd / nanoPerUsd }
}

function compare(a: readonly string[], b: readonly string[]): number {
  for (const [index, left] of a.entries()) {
    const right = b[index] ?? ''
    if (left !== right) return left < right ? -1 : 1
  }
  return 0
}
