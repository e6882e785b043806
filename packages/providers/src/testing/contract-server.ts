/** A provider under the contract of the port, over a real server on this machine. */
import type { Provider } from '@beamclaw/core'
import type { ProviderUnderTest, ServiceBehavior } from '@beamclaw/testkit'
import { type ModelAnswer, type ModelServerOptions, startModelServer } from '@beamclaw/testkit/model-server'

/** The key with which providers ask, and which no error may show. */
export const contractKey = 'sk-contract-0123456789'

/** How a service that refuses says so. */
export const contractStatuses = { auth: 401, 'rate-limit': 429, server: 500 } as const

/** What differs between the protocols. */
export interface ContractProtocol {
  /** Returns the provider over a server, which knows it by `service`. */
  readonly provider: (baseUrl: string) => Provider
  /** The name under which it keeps metadata. @default the host of the server */
  readonly service?: string
  /** Events until some text has come. */
  readonly someText: number
  /** How the protocol names an answer that was cut off by the limit. */
  readonly finishAtLimit: string
  readonly server?: ModelServerOptions
}

/** Returns what `providerContract` calls for each of its tests. */
export function contractServer({ provider, service, someText, finishAtLimit, server: options }: ContractProtocol) {
  return async (): Promise<ProviderUnderTest> => {
    const server = await startModelServer(options)
    return {
      provider: provider(server.baseUrl),
      model: 'scripted-1',
      secret: contractKey,
      service: service ?? new URL(server.baseUrl).host,
      arrange: (behavior) => server.enqueue(answerTo(behavior, someText, finishAtLimit)),
      lastRequest: () => {
        const last = server.requests.at(-1)
        return last === undefined ? undefined : JSON.stringify([last.headers, last.body])
      },
      idle: () => server.idle(),
      dispose: () => server.stop(),
    }
  }
}

function answerTo(behavior: ServiceBehavior, someText: number, finishAtLimit: string): ModelAnswer {
  switch (behavior.type) {
    case 'text':
      return { text: 'It is five, as far as I can tell.' }
    case 'tool-call':
      return { text: 'Let me see.', toolCalls: [{ name: 'add', input: { a: 2, b: 3 } }] }
    case 'hang':
      return { text: 'one two three four', delivery: { stall: someText } }
    case 'fail':
      return {
        error: { status: contractStatuses[behavior.as], body: { error: { type: 'refused', message: `Refused the key ${contractKey}.` } } },
      }
    case 'break':
      return { text: 'one two three four', delivery: { disconnectAfterEvents: someText } }
    case 'silence':
      return { delivery: { stall: 'headers' } }
    case 'say': {
      const { text, inputTokens, outputTokens } = behavior
      return { text: text.match(/[\s\S]{1,8}/gu) ?? [], usage: { inputTokens, outputTokens } }
    }
    case 'cut-off':
      return { toolCalls: [{ name: 'add', inputText: '{"a": 2, "b"' }], finish: finishAtLimit }
  }
}
