/** Shows the requests for approval of a session outside of it, as its records change them. */
import type { ApprovalDesk } from '../../approval/approval-gate.ts'
import type { SessionKey } from '../../base/ids.ts'
import type { ActivityLog } from '../activity/activity-log.ts'
import type { JournalEntry } from '../journal/records.ts'
import { requestsOf } from '../state/run-approvals.ts'
import type { SessionState } from '../state/session-state.ts'
import type { Decisions } from './decisions.ts'

/** The records after which other requests may wait than before. */
const changes: ReadonlySet<JournalEntry['type']> = new Set([
  'approval-request',
  'approval-decision',
  'tool-outcome',
  'run-cancel',
  'run-end',
])

/** Called with each record once it is durable. */
export function followApprovals(
  entry: JournalEntry,
  key: SessionKey,
  state: SessionState,
  { approvals, decisions, activity }: { readonly approvals: ApprovalDesk; readonly decisions: Decisions; readonly activity: ActivityLog },
): void {
  if (!changes.has(entry.type)) return
  const decided = entry.type === 'approval-decision' ? entry : undefined
  const recorded = entry.type === 'approval-request' ? entry.request.id : undefined
  // A session whose request is over is found by the list of those at work.
  approvals.follow(key, requestsOf(key, state.current), { decided, recorded, listed: activity.written(key) })
  if (decided !== undefined) decisions.tell(decided.id, decided.answer)
}
