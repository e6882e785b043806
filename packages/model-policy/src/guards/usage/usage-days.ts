/** Days and months in UTC as text, as in reports and keys. Pure. */

const dayMs = 86_400_000

/** Returns the day of a wall time, for example `2026-01-31`. */
export function dayOf(wallMs: number): string {
  return new Date(wallMs).toISOString().slice(0, 10)
}

/** Returns the day `count` days before `day`. */
export function daysBefore(day: string, count: number): string {
  return dayOf(Date.parse(day) - count * dayMs)
}

/** Returns the window of a day: itself or its month, for example `2026-01`. */
export function windowOf(day: string, per: 'day' | 'month'): string {
  return per === 'day' ? day : day.slice(0, 7)
}

/** Returns true for two days of one month. */
export function isSameMonth(day: string, other: string): boolean {
  return windowOf(day, 'month') === windowOf(other, 'month')
}

/** Returns the milliseconds from a wall time to the end of its day or month. */
export function untilWindowEnds(wallMs: number, per: 'day' | 'month'): number {
  const date = new Date(wallMs)
  const year = date.getUTCFullYear()
  const month = date.getUTCMonth()
  const end = per === 'day' ? Date.UTC(year, month, date.getUTCDate() + 1) : Date.UTC(year, month + 1, 1)
  return end - wallMs
}
