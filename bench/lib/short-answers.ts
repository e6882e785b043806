/** A model that says one short thing at once and looks at nothing, so that it costs the same whatever it is sent. */
import { type Provider, zeroUsage } from '@beamclaw/core'

export const shortAnswers: Provider = {
  async *doStream() {
    yield { type: 'text-delta', text: 'Hello yourself.' }
    yield { type: 'finish', reason: 'stop', usage: { ...zeroUsage, inputTokens: 10, outputTokens: 3 } }
  },
}
