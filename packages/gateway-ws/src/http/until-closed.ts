/** Ends an answer when the gateway closes, however long its run may still take. */
import { HttpFailure } from './http-failure.ts'
import type { Piece } from './piece.ts'

/** Yields the same pieces; throws `run-interrupted` once `closing` is aborted, and stops waiting. */
export async function* untilClosed(pieces: AsyncIterator<Piece>, closing: AbortSignal, runId: string): AsyncGenerator<Piece> {
  let reject: (error: Error) => void = () => {}
  const close = (): void => reject(interrupted(runId))
  closing.addEventListener('abort', close)
  try {
    for (;;) {
      const next = await new Promise<IteratorResult<Piece>>((resolve, refuse) => {
        reject = refuse
        if (closing.aborted) close()
        else pieces.next().then(resolve, refuse)
      })
      if (next.done === true) return
      yield next.value
    }
  } finally {
    closing.removeEventListener('abort', close)
    // Not awaited: it may be in the middle of a run.
    pieces.return?.().catch(() => {})
  }
}

function interrupted(runId: string): HttpFailure {
  const how = `the run continues after the next start: send the same message again with the header "Idempotency-Key: ${runId}"`
  return new HttpFailure(503, 'server_error', 'run-interrupted', `The gateway is stopping; ${how}`, 1_000)
}
