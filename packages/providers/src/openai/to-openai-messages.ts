/** Converts messages to those of Chat Completions. Pure: the same messages give the same bytes, so that services find them in their caches. */
import type { AssistantMessage, JsonObject, Message, ProviderMetadata, ToolCall, ToolMessage } from '@beamclaw/core'
import { objectOf, objectsOf } from '../shared/fields.ts'
import { keptFor } from '../shared/kept-for.ts'
import type { Warnings } from '../shared/warnings.ts'
import { withWireCalls } from '../shared/wire-calls.ts'
import type { ChatStyle } from './chat-style.ts'
import type { ChatModelFacts } from './dialects/dialect.ts'
import { NineLetterIds } from './nine-letter-ids.ts'
import { toContentPart } from './to-openai-content.ts'

/** What the conversion needs to know of the request. */
export interface MessagesContext {
  readonly style: ChatStyle
  readonly model: string
  /** True when the model will think before it answers. */
  readonly isThinking: boolean
  readonly facts: Partial<ChatModelFacts>
  readonly warnings: Warnings
}

/** Google's word for a call that another model made: ai.google.dev/gemini-api/docs/thought-signatures. */
const noSignature = { google: { thought_signature: 'skip_thought_signature_validator' } }

/** Returns the messages, without the system prompt. */
export function toOpenAiMessages(messages: readonly Message[], context: MessagesContext): readonly JsonObject[] {
  const nine = context.style.dialect.callIds === 'nine' ? new NineLetterIds() : undefined
  const idOf = (id: string): string => (nine === undefined ? id : nine.of(id))
  return withWireCalls(messages).flatMap((message) => toMessages(message, context, idOf))
}

function toMessages(message: Message, context: MessagesContext, idOf: (id: string) => string): readonly JsonObject[] {
  switch (message.role) {
    case 'user': {
      const { content } = message
      if (typeof content === 'string') return [{ role: 'user', content }]
      return [{ role: 'user', content: content.map((part) => toContentPart(part, context)) }]
    }
    case 'assistant':
      return fromAssistant(message, context, idOf)
    case 'tool':
      return fromToolResults(message, context, idOf)
  }
}

function fromAssistant(message: AssistantMessage, context: MessagesContext, idOf: (id: string) => string): readonly JsonObject[] {
  const { style, model, isThinking } = context
  const { service, reasoning } = style
  let text = ''
  let thinking = ''
  const calls: ToolCall[] = []
  const parts: JsonObject[] = []
  for (const part of message.content) {
    if (part.type === 'text') text += part.text
    else if (part.type === 'tool-call') calls.push(part)
    else if (part.type === 'thinking' && reasoning.in !== 'nothing' && isOwn(part.providerMetadata, style)) {
      thinking += part.text
      const { closed } = keptFor(part.providerMetadata, service) ?? {}
      if (part.text !== '') {
        const shown = [{ type: 'text', text: part.text }]
        parts.push(closed === true ? { type: 'thinking', thinking: shown, closed } : { type: 'thinking', thinking: shown })
      }
    }
  }
  if (text === '' && calls.length === 0) return []
  const isNeeded = reasoning.in === 'field' && reasoning.isNeeded && isThinking && calls.length > 0
  const details = detailsOf(keptFor(message.providerMetadata, service), model)
  const content = reasoning.in === 'content' && parts.length > 0 ? [...parts, ...(text === '' ? [] : [{ type: 'text', text }])] : text
  return [
    {
      role: 'assistant',
      content: content === '' ? null : content,
      ...(calls.length === 0 ? {} : { tool_calls: toCalls(calls, context, idOf) }),
      ...(reasoning.in === 'field' && (thinking !== '' || isNeeded) ? { [reasoning.field]: thinking } : {}),
      ...(details === undefined ? {} : { reasoning_details: details }),
    },
  ]
}

function toCalls(calls: readonly ToolCall[], { style, facts }: MessagesContext, idOf: (id: string) => string): readonly JsonObject[] {
  const extras = calls.map((call) => objectOf(keptFor(call.providerMetadata, style.service)?.extra_content))
  // Of calls made together only the first is signed.
  const isUnsigned = facts.signedCalls === true && extras.every((extra) => extra === undefined)
  return calls.map(({ id, name, input }, index) => {
    const extra = extras[index] ?? (isUnsigned && index === 0 ? noSignature : undefined)
    const call = { id: idOf(id), type: 'function', function: { name, arguments: JSON.stringify(input) } }
    return extra === undefined ? call : { ...call, extra_content: extra }
  })
}

/** Returns the messages of tool results. Tool messages may contain only text; images and files follow in one user message after all results. */
function fromToolResults({ content: results }: ToolMessage, context: MessagesContext, idOf: (id: string) => string): readonly JsonObject[] {
  const messages: JsonObject[] = []
  const shown: JsonObject[] = []
  for (const { toolCallId, name, content, isError } of results) {
    let text = ''
    for (const part of typeof content === 'string' ? [{ type: 'text', text: content } as const] : content) {
      if (part.type === 'text') text += part.text
      else {
        text += `${text === '' ? '' : '\n'}[the ${part.type} follows below]`
        shown.push({ type: 'text', text: `From the tool ${name}:` }, toContentPart(part, context))
      }
    }
    messages.push({ role: 'tool', tool_call_id: idOf(toolCallId), content: isError ? `The tool failed: ${text}` : text })
  }
  return shown.length === 0 ? messages : [...messages, { role: 'user', content: shown }]
}

/** True for thinking of this service; thinking without a service's name goes only where the user has named the field for it. */
function isOwn(metadata: ProviderMetadata | undefined, { service, takesUnmarked }: ChatStyle): boolean {
  return metadata === undefined ? takesUnmarked : keptFor(metadata, service) !== undefined
}

/** Returns the details of reasoning, for models of the maker that made them: others cannot read them. */
function detailsOf(data: JsonObject | undefined, model: string): readonly JsonObject[] | undefined {
  if (data === undefined || !Array.isArray(data.reasoning_details)) return undefined
  if (typeof data.model === 'string' && makerOf(data.model) !== makerOf(model)) return undefined
  const details = objectsOf(data.reasoning_details)
  return details.length === 0 ? undefined : details
}

function makerOf(model: string): string {
  const slash = model.indexOf('/')
  return slash === -1 ? '' : model.slice(0, slash)
}
