/** How long the sessions of an agent are kept. */
import { checkOptions, integer } from '@beamclaw/actor/internal'

/** Deletes old sessions of an agent, for good and with all that belongs to them. Sessions with work are never deleted. */
export interface RetentionOptions {
  /** A session is deleted when its last record is older than this, in milliseconds. @default kept for ever */
  readonly maxAgeMs?: number
  /**
   * While journals and attachments of all sessions of the agent take more bytes than this, about, the session that was not used for the longest time is
   * deleted; the one that was used last stays. @default no limit
   */
  readonly maxBytes?: number
}

/** Returns a checked copy; undefined where nothing is to be deleted. Throws `invalid-option`. */
export function retentionOf(owner: string, given: RetentionOptions | undefined): RetentionOptions | undefined {
  if (given === undefined) return undefined
  checkOptions<RetentionOptions>(`${owner} retention`, given, { maxAgeMs: integer(1), maxBytes: integer(0) })
  const { maxAgeMs, maxBytes } = given
  return Object.freeze({ ...(maxAgeMs === undefined ? {} : { maxAgeMs }), ...(maxBytes === undefined ? {} : { maxBytes }) })
}
