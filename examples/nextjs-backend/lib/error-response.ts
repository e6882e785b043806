/** What BeamClaw refuses, as a response. */
import { BeamClawError } from '@beamclaw/core'

/** Returns what `work` resolves with, or a response with the code of the `BeamClawError` that it rejects with; other errors are Next's. */
export async function orErrorResponse(work: () => Promise<Response>): Promise<Response> {
  try {
    return await work()
  } catch (error) {
    if (!BeamClawError.isInstance(error)) throw error
    return Response.json({ code: error.code }, { status: error.kind === 'unavailable' ? 503 : 400 })
  }
}
