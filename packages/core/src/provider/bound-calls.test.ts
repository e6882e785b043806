import { expect, test } from 'vitest'
import { zeroUsage } from '../base/messages.ts'
import type { Provider } from '../ports/provider.ts'
import { boundCalls } from './bound-calls.ts'

/** A provider whose calls all need the provider itself. */
class Whole implements Provider {
  readonly #name = 'whole'
  async *doStream() {}
  async listModels() {
    return [{ id: this.#name }]
  }
  modelFacts(model: string) {
    return model === this.#name ? { contextWindow: 7 } : {}
  }
  async countTokens() {
    return this.#name.length
  }
  async doEmbed() {
    return { embeddings: [[this.#name.length]], usage: zeroUsage }
  }
}

test('what stands before a provider passes on all that it can do, and nothing that it cannot', async () => {
  const { listModels, modelFacts, countTokens, doEmbed } = boundCalls(new Whole())
  const signal = new AbortController().signal
  expect(await listModels?.({ signal })).toEqual([{ id: 'whole' }])
  expect(modelFacts?.('whole')).toEqual({ contextWindow: 7 })
  expect(await countTokens?.({ model: 'm', messages: [] }, { signal })).toBe(5)
  expect(await doEmbed?.({ model: 'm', texts: [] }, { signal })).toEqual({ embeddings: [[5]], usage: zeroUsage })
  expect(boundCalls({ doStream: async function* () {} })).toEqual({})
})
