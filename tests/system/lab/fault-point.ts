/** The crash point of a drill: right before or right after a chosen record of a session's journal is durable. */

/** The record types of a session's journal. */
export const faultRecordTypes = [
  'message-in',
  'run-start',
  'run-resume',
  'run-pause',
  'run-steer',
  'run-cancel',
  'model-request',
  'model-response',
  'model-failure',
  'tool-intent',
  'tool-outcome',
  'approval-request',
  'approval-decision',
  'history-compact',
  'history-rewind',
  'history-import',
  'extension',
  'run-end',
] as const

/** The `count`-th record of a type, over all sessions of a process. */
export interface FaultPoint {
  readonly when: 'before' | 'after'
  readonly recordType: (typeof faultRecordTypes)[number]
  readonly count: number
}

/** Reads `after:<record-type>[:N]` or `before:<record-type>[:N]`. Throws a `RangeError` for anything else. */
export function parseFaultPoint(text: string): FaultPoint {
  const [, when, name, count = '1'] = /^(before|after):([a-z-]+)(?::([1-9]\d{0,8}))?$/.exec(text) ?? []
  const recordType = faultRecordTypes.find((type) => type === name)
  if ((when === 'before' || when === 'after') && recordType !== undefined) return { when, recordType, count: Number(count) }
  throw new RangeError(
    `BEAMCLAW_FAULT is "${text}"; expected after:<record-type>[:N] or before:<record-type>[:N], with one of ${faultRecordTypes.join(', ')}`,
  )
}
