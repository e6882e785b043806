/** The errors of actors, which know the codes of core as soon as this module is loaded: core takes them from here. */
import './error-codes.ts'

export {
  BeamClawError,
  type BeamClawErrorOptions,
  ChildStartError,
  defineErrors,
  MailboxFullError,
} from '@beamclaw/actor'
export { describeError, kindOf } from '@beamclaw/actor/internal'
