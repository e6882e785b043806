/** Checks the version of Node and the clock. */
import { type Finding, ok, problem } from './finding.ts'

/** A clock before this date is wrong: the program is newer. */
const earliest = Date.UTC(2026, 0, 1)

export function checkNode(nodeVersion: string): Finding {
  const [major = 0, minor = 0] = nodeVersion.split('.').map(Number)
  if (major > 22 || (major === 22 && minor >= 18)) return ok('node', nodeVersion)
  return problem('node', `${nodeVersion} is too old`, 'install Node 22.18 or newer')
}

export function checkClock(now: number): Finding {
  const time = new Date(now).toISOString()
  if (now >= earliest) return ok('clock', time)
  return problem('clock', `${time} is in the past`, 'set the clock of this machine, best by NTP')
}
