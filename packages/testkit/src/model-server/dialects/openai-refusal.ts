import type { ScriptedError } from '../answer.ts'

/** What OpenAI says of a request that it refuses. */
export interface RefusalText {
  readonly message: string
  readonly param: string
  readonly code: string | null
  /** @default 400 */
  readonly status?: number
}

/** Returns a refusal as OpenAI sends it. */
export function refusal({ message, param, code, status = 400 }: RefusalText): ScriptedError {
  return { status, body: { error: { message, type: 'invalid_request_error', param, code } } }
}
