import { once } from 'node:events'
import { providerContract, type ServiceBehavior } from '@beamclaw/testkit'
import { describe, it } from 'vitest'
import { type Engine, EngineError, EngineProvider } from './provider.ts'

/** An engine that does what a test arranges. */
function arrangedEngine(behaviors: ServiceBehavior[], received: string[]): Engine {
  return async function* (request, signal) {
    // The name of the agent is for policies that count calls, and what other services made is for them: neither is sent to a model.
    const { agent: _, ...sent } = request
    received.push(JSON.stringify(sent, (name, value) => (name === 'providerMetadata' || value?.type === 'custom' ? undefined : value)))
    const behavior = behaviors.shift()
    if (behavior?.type === 'silence') await once(signal, 'abort')
    signal.throwIfAborted()
    if (behavior?.type === 'say') {
      for (const text of behavior.text.split(/(?= )/)) yield { type: 'say', text }
      yield { type: 'done', tokensIn: behavior.inputTokens, tokensOut: behavior.outputTokens }
      return
    }
    if (behavior?.type === 'fail') throw new EngineError(behavior.as)
    yield { type: 'say', text: 'It is ' }
    if (behavior?.type === 'break') return
    if (behavior?.type === 'hang') {
      if (!signal.aborted) await once(signal, 'abort')
      signal.throwIfAborted()
    }
    if (behavior?.type === 'tool-call') yield { type: 'call', id: 'call-1', name: 'add', input: { a: 2, b: 3 } }
    else yield { type: 'say', text: 'five.' }
    yield { type: 'done', tokensIn: 7, tokensOut: 2 }
  }
}

function makeProvider() {
  const behaviors: ServiceBehavior[] = []
  const received: string[] = []
  return {
    provider: new EngineProvider(arrangedEngine(behaviors, received)),
    model: 'any',
    arrange: (behavior: ServiceBehavior) => void behaviors.push(behavior),
    lastRequest: () => received.at(-1),
  }
}

providerContract('EngineProvider', makeProvider, {
  describe,
  it,
  skip: { limits: 'the engine has no output limit, and its calls come whole' },
})
