/** Reads the delay before a retry from response headers. */

/** Returns one header, case-insensitively. */
export interface HeaderReader {
  get(name: string): string | null
}

const maxRetryAfterMs = 24 * 60 * 60 * 1000

/** Rate limits whose remaining count and reset time services report in header pairs. */
const limitHeaders = [
  ['x-ratelimit-remaining-requests', 'x-ratelimit-reset-requests'],
  ['x-ratelimit-remaining-tokens', 'x-ratelimit-reset-tokens'],
  ['anthropic-ratelimit-requests-remaining', 'anthropic-ratelimit-requests-reset'],
  ['anthropic-ratelimit-tokens-remaining', 'anthropic-ratelimit-tokens-reset'],
  ['anthropic-ratelimit-input-tokens-remaining', 'anthropic-ratelimit-input-tokens-reset'],
  ['anthropic-ratelimit-output-tokens-remaining', 'anthropic-ratelimit-output-tokens-reset'],
] as const

/**
 * Returns the milliseconds before a retry, at most a day; `undefined` when the headers do not tell. `now` is wall time in milliseconds.
 * Limits come with every answer, so they count only for a failure that a limit caused.
 */
export function retryAfterMs(headers: HeaderReader, now: number, isRateLimit: boolean): number | undefined {
  const exact = plainNumber(headers.get('retry-after-ms'))
  if (exact !== undefined) return bounded(exact)
  const named = headers.get('retry-after')
  const seconds = plainNumber(named)
  if (seconds !== undefined) return bounded(seconds * 1000)
  // `Date.parse` makes a date of almost any number, so a month's name is asked for.
  const date = named !== null && /[a-z]{3}/i.test(named) ? Date.parse(named) : Number.NaN
  if (!Number.isNaN(date)) return bounded(date - now)
  return isRateLimit ? resetOfLimits(headers, now) : undefined
}

/** Returns the reset time of the limit that is used up; without such a limit, that of the first to reset. */
function resetOfLimits(headers: HeaderReader, now: number): number | undefined {
  const usedUp: number[] = []
  const others: number[] = []
  for (const [remaining, reset] of limitHeaders) {
    const waitMs = untilReset(headers.get(reset), now)
    if (waitMs === undefined) continue
    if (plainNumber(headers.get(remaining)) === 0) usedUp.push(waitMs)
    else others.push(waitMs)
  }
  if (usedUp.length > 0) return bounded(Math.max(...usedUp))
  return others.length > 0 ? bounded(Math.min(...others)) : undefined
}

/** Parses RFC 3339 times (`2026-11-21T10:00:00Z`), durations (`6m0s`, `20ms`) and seconds (`1.5`). */
function untilReset(value: string | null, now: number): number | undefined {
  const seconds = plainNumber(value)
  if (seconds !== undefined) return seconds * 1000
  if (value === null) return undefined
  if (/^\d{4}-\d{2}-\d{2}T/.test(value)) {
    const date = Date.parse(value)
    return Number.isNaN(date) ? undefined : date - now
  }
  if (!/^(?:\d+(?:\.\d+)?(?:ms|h|m|s))+$/.test(value)) return undefined
  let total = 0
  for (const [, amount, unit] of value.matchAll(/(\d+(?:\.\d+)?)(ms|h|m|s)/g)) {
    total += Number(amount) * (unit === 'ms' ? 1 : unit === 's' ? 1000 : unit === 'm' ? 60_000 : 3_600_000)
  }
  return total
}

function plainNumber(value: string | null): number | undefined {
  return value !== null && /^\s*\d+(?:\.\d+)?\s*$/.test(value) ? Number(value) : undefined
}

function bounded(milliseconds: number): number {
  return Math.ceil(Math.min(Math.max(milliseconds, 0), maxRetryAfterMs))
}

/** Returns the service's request id, to be quoted to its support. */
export function readRequestId(headers: HeaderReader): string | undefined {
  return headers.get('request-id') ?? headers.get('x-request-id') ?? undefined
}
