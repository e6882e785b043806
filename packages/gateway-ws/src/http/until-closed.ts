/** An answer that ends when the gateway does, however long its run may still take. */
import { HttpFailure } from './http-failure.ts'
import type { Piece } from './piece.ts'

/** The same pieces; throws `run-interrupted` once `closing` is aborted. What is waited for then is let go. */
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
    // Not waited for: it may be in the middle of a run.
    pieces.return?.().catch(() => {})
  }
}

function interrupted(runId: string): HttpFailure {
  const how = `the run goes on after the next start: send the same message again with the header "Idempotency-Key: ${runId}"`
  return new HttpFailure(503, 'server_error', 'run-interrupted', `The gateway is about to stop; ${how}`, 1_000)
}
