import { once } from 'node:events'
import { providerContract, type ServiceBehavior } from '@beamclaw/testkit'
import { describe, it } from 'vitest'
import { type Engine, EngineError, EngineProvider } from './provider.ts'

/** An engine that does what a test arranges. */
function arrangedEngine(behaviors: ServiceBehavior[]): Engine {
  return async function* (_request, signal) {
    const behavior = behaviors.shift()
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
  return {
    provider: new EngineProvider(arrangedEngine(behaviors)),
    model: 'any',
    arrange: (behavior: ServiceBehavior) => void behaviors.push(behavior),
  }
}

providerContract('EngineProvider', makeProvider, { describe, it })
