/** The figures of a benchmark, and their output. */

/** One figure against one measured in the same run. */
export interface Result {
  readonly bench: string
  readonly metric: string
  readonly value: number
  readonly unit: string
  /** The reference; absent where there is none. */
  readonly reference?: { readonly name: string; readonly value: number }
  /** The ratio to the reference, or the figure itself for an absolute target. */
  readonly score?: number
  /** Minimum of the score. */
  readonly target?: { readonly atLeast?: number; readonly atMost?: number }
}

/** A set of figures; `skipped` says why there are none. */
export interface Bench {
  readonly name: string
  run(): Promise<readonly Result[]>
}

export function isMet({ score, target }: Result): boolean | undefined {
  if (score === undefined || target === undefined) return undefined
  return (target.atLeast === undefined || score >= target.atLeast) && (target.atMost === undefined || score <= target.atMost)
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN
}

/** The median of each value over the reference that was taken right beside it: what else the machine does meets both. */
export function medianRatio(values: readonly number[], references: readonly number[]): number {
  return median(values.map((value, index) => value / (references[index] ?? Number.NaN)))
}

/** A table that fits a terminal and a Markdown page. */
export function toTable(results: readonly Result[]): string {
  const rows = results.map((result) => [
    result.metric,
    `${format(result.value)} ${result.unit}`,
    result.reference === undefined ? '' : `${result.reference.name}: ${format(result.reference.value)} ${result.unit}`,
    result.score === undefined ? '' : `${format(result.score)}${result.reference === undefined ? '' : '×'}`,
    targetText(result),
    { true: 'met', false: 'MISSED', undefined: '' }[String(isMet(result))] ?? '',
  ])
  const table = [['figure', 'BeamClaw', 'reference', 'score', 'target', ''], ...rows]
  const widths = table[0]?.map((_, column) => Math.max(...table.map((row) => row[column]?.length ?? 0))) ?? []
  const lines = table.map((row) => `| ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |`)
  lines.splice(1, 0, `|${widths.map((width) => '-'.repeat(width + 2)).join('|')}|`)
  return lines.join('\n')
}

function targetText({ target }: Result): string {
  if (target?.atLeast !== undefined) return `≥ ${target.atLeast}`
  return target?.atMost === undefined ? '' : `≤ ${target.atMost}`
}

function format(value: number): string {
  if (Math.abs(value) >= 100) return Math.round(value).toLocaleString('en-US')
  return value.toPrecision(3)
}
