// The provider against the contract of the port, with a real server on this machine.
import { providerContract } from '@beamclaw/testkit'
import { describe, it } from 'vitest'
import { contractKey as apiKey, contractServer } from '../testing/contract-server.ts'
import { OpenAiResponsesProvider } from './openai-responses-provider.ts'

const subject = contractServer({
  provider: (baseUrl) => new OpenAiResponsesProvider({ baseUrl, apiKey }),
  // Four events come before the first piece of text.
  someText: 6,
  finishAtLimit: 'max_output_tokens',
  server: { dialect: 'openai-responses' },
})

providerContract('OpenAiResponsesProvider', subject, { describe, it, deadlineMs: 25_000 })
