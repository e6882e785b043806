/** A completion without a session: nothing is stored. */
import { type AgentDefinition, type ProviderPart, type RunningBeamClaw, type SystemPrompt, sessionKey } from '@beamclaw/core'
import { toMessages, toSettings } from './chat-input.ts'
import type { ChatRequest } from './chat-request.ts'
import type { Piece } from './piece.ts'

/** Calls the model; an agent adds its prompt, but not its tools. */
export async function* statelessAnswer(
  claw: RunningBeamClaw,
  request: ChatRequest,
  agent: AgentDefinition | undefined,
  signal: AbortSignal,
): AsyncGenerator<Piece> {
  const { system, messages } = toMessages(request)
  const prompt = [await ownPrompt(agent), system].filter((text) => text !== undefined).join('\n\n')
  const parts = claw.complete(
    {
      ...toSettings(request),
      ...(agent === undefined ? {} : { agent: agent.id }),
      model: agent?.model ?? request.model,
      messages,
      ...(prompt === '' ? {} : { system: prompt }),
    },
    { signal },
  )
  yield* piecesOf(parts)
}

/** A system function is called as for a session that has just begun. */
async function ownPrompt(agent: AgentDefinition | undefined): Promise<string | undefined> {
  if (typeof agent?.system !== 'function') return agent?.system
  const system = agent.system as Exclude<SystemPrompt<unknown>, string>
  return await system({ context: undefined, session: { key: sessionKey(agent.id, 'stateless'), settings: {} }, agentId: agent.id })
}

async function* piecesOf(parts: AsyncIterable<ProviderPart>): AsyncGenerator<Piece> {
  const calls = new Map<string, { readonly index: number; hasInput: boolean }>()
  const begin = (id: string) => {
    const call = { index: calls.size, hasInput: false }
    calls.set(id, call)
    return call
  }
  for await (const part of parts) {
    switch (part.type) {
      case 'text-delta':
        yield { type: 'text', text: part.text }
        break
      case 'tool-call-start':
        yield { type: 'tool-call-start', index: begin(part.id).index, id: part.id, name: part.name }
        break
      case 'tool-call-delta': {
        const call = calls.get(part.id)
        if (call === undefined) break
        call.hasInput ||= part.inputText !== ''
        yield { type: 'tool-call-delta', index: call.index, inputText: part.inputText }
        break
      }
      case 'tool-call': {
        const known = calls.get(part.id)
        const { index, hasInput } = known ?? begin(part.id)
        if (known === undefined) yield { type: 'tool-call-start', index, id: part.id, name: part.name }
        if (!hasInput) yield { type: 'tool-call-delta', index, inputText: part.invalidInput ?? JSON.stringify(part.input) }
        break
      }
      case 'finish':
        yield { type: 'end', finish: part.reason, usage: part.usage }
    }
  }
}
