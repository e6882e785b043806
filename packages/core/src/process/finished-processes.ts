/** Which ended processes are forgotten. Pure. */

/** What decides about an ended process. */
export interface FinishedProcess {
  readonly id: string
  readonly sessionKey: string
  readonly endedAt: number
}

export interface KeepRules {
  readonly keepFinishedMs: number
  readonly maxPerSession: number
  readonly maxPerTenant: number
}

/** Returns the ids to forget: the ones that ended too long ago, then the oldest of a session or of the tenant beyond their number. */
export function toForget(finished: readonly FinishedProcess[], rules: KeepRules, now: number): readonly string[] {
  const { keepFinishedMs, maxPerSession, maxPerTenant } = rules
  const latestFirst = [...finished].sort((a, b) => b.endedAt - a.endedAt)
  const kept = new Map<string, number>()
  let all = 0
  return latestFirst
    .filter(({ sessionKey, endedAt }) => {
      const ofSession = kept.get(sessionKey) ?? 0
      if (now - endedAt >= keepFinishedMs || ofSession >= maxPerSession || all >= maxPerTenant) return true
      kept.set(sessionKey, ofSession + 1)
      all++
      return false
    })
    .map(({ id }) => id)
}

/** Returns the milliseconds until the next one is too old; undefined when there is none. */
export function nextForgetMs(finished: readonly FinishedProcess[], keepFinishedMs: number, now: number): number | undefined {
  if (finished.length === 0) return undefined
  return Math.max(0, Math.min(...finished.map(({ endedAt }) => endedAt)) + keepFinishedMs - now)
}
