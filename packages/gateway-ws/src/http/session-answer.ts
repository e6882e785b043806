/** The answer of a durable session as a stream that never retracts text. */
import type { RunStream } from '@beamclaw/core'
import type { RunListener } from '../ws/hub/run-listener.ts'
import type { Piece } from './piece.ts'
import { SpokenText } from './spoken-text.ts'

/** Yields the answer in one piece when it is complete. */
export async function* wholeSessionAnswer(run: RunStream): AsyncGenerator<Piece> {
  const { text, finish, usage } = await run.result()
  yield { type: 'end', finish: finish ?? 'stop', usage, text }
}

/** Yields the answer as it comes. A reader that joins a run under way gets the text so far as one piece. */
export async function* sessionAnswer(run: RunStream, live: RunListener): AsyncGenerator<Piece> {
  try {
    const result = run.result()
    // Its rejection is thrown below, in its turn.
    result.catch(() => {})
    const { ended } = await run.accepted
    const said = ended === undefined ? live.said : undefined
    const spoken = new SpokenText(run.runId, said)
    if (ended === undefined) {
      live.keep()
      if (said !== undefined && spoken.hasSpoken) yield { type: 'text', text: said.whole }
      for await (const event of live) {
        const text = spoken.hear(event)
        if (text !== '') yield { type: 'text', text }
      }
    }
    const { text, finish, usage } = await result
    // For a run that is over, or that could not be followed to its end, the session still has the answer.
    const rest = spoken.close(text)
    if (rest !== '') yield { type: 'text', text: rest }
    yield { type: 'end', finish: finish ?? 'stop', usage }
  } finally {
    live.stop()
  }
}
