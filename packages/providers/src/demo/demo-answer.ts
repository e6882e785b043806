/** The answers of the demo model, a pure function of the request. Each answer explains one feature and names the next one to try. */
import { type Message, type ProviderRequest, type ToolCall, type ToolResult, textOf } from '@beamclaw/core'
import { firstCharacters } from '@beamclaw/core/adapter'
import { findSum } from './arithmetic.ts'
import { findToolCall } from './demo-tool-call.ts'

/** Either text or one tool call, with the thought that led to it. */
export type DemoAnswer =
  | { readonly type: 'text'; readonly thought: string; readonly text: string }
  | { readonly type: 'call'; readonly thought: string; readonly text: string; readonly call: ToolCall }

interface Intent {
  readonly name: string
  readonly pattern: RegExp
  readonly answer: (request: ProviderRequest) => string
}

const maxQuotedLength = 500
const maxToldLength = 4000

const intents: readonly Intent[] = [
  {
    name: 'ask about crashes',
    pattern: /\b(durab\w*|crash\w*|kill(ed)?|restart\w*|recover\w*|power (loss|cut|failure)|journal\w*)\b/i,
    answer: () =>
      'Kill this process at any moment, `kill -9` included: nothing that was acknowledged is lost. Every session writes its intent to a ' +
      'journal before it acts, so after a restart it folds the journal, sees what was finished, and does only what is left. A tool that ' +
      'had started is not run twice behind your back. Try it: send me a message, kill the process while I answer, start it again and ' +
      'ask "what did I say?". (The in-memory store forgets with the process; use a store on disk for this.)',
  },
  {
    name: 'ask what was said before',
    pattern: /\bwhat (did|have) i (say|said|tell|told|ask)|\bremember\b|\bmy last message\b/i,
    answer: (request) => whatWasSaid(request.messages),
  },
  {
    name: 'ask about supervision',
    pattern: /\b(supervis\w*|otp|erlang|elixir|actors?|mailbox\w*)\b/i,
    answer: () =>
      'Each session is an actor: a mailbox, one owner, one thing at a time. A supervisor watches it and restarts it by a rule when it ' +
      'fails, so that one broken session never takes the others with it. Ask me about "crash" to see what a restart keeps.',
  },
  {
    name: 'ask what I can do',
    pattern: /\bwhat (can|do) you do\b|\bhelp\b|\bwhat (is|are) (this|you|beamclaw)\b|\bwho are you\b|\bhow do(es)? (this|it|i)\b|^\?+$/i,
    answer: (request) => helpText(request),
  },
  {
    name: 'greet me',
    pattern: /^\W*(hello|hi|hey|good (morning|afternoon|evening)|hallo|hola|bonjour|ciao|moin)\b/i,
    answer: () =>
      'Hello! I am the BeamClaw demo model. I run inside this process, need no key and always give the same answer to the same ' +
      'question; the supervised session around me is the real thing. Say "help" to see what you can try.',
  },
  {
    name: 'say thanks',
    pattern: /\b(thanks|thank you|danke|merci|gracias)\b/i,
    answer: () => 'You are welcome. Try "what survives a crash?" next, or configure a real model and keep everything else as it is.',
  },
]

/** Returns the answer of model `demo-1`. */
export function demoAnswer(request: ProviderRequest): DemoAnswer {
  const last = request.messages.at(-1)
  if (last?.role === 'tool')
    return { type: 'text', thought: 'The tools have answered, so I tell what they said.', text: tell(last.content) }
  const text = lastUserText(request.messages).trim()
  const call = findToolCall(request, text)
  if (call !== undefined) {
    return { type: 'call', thought: `This is a job for the tool ${call.name}.`, text: `I will ask the tool \`${call.name}\`.`, call }
  }
  const intent = text === '' ? undefined : intents.find(({ pattern }) => pattern.test(text))
  const sum = intent === undefined ? findSum(text) : undefined
  if (sum !== undefined) return { type: 'text', thought: 'This is a sum.', text: `${sum.sum} = ${sum.answer}` }
  if (intent !== undefined) return { type: 'text', thought: `They ${intent.name}.`, text: intent.answer(request) }
  return { type: 'text', thought: 'I have no rule for this, so I say it back.', text: reflect(text, request) }
}

/** The answer of model `echo`: the user's last message, exactly. */
export function echoAnswer(request: ProviderRequest): DemoAnswer {
  return { type: 'text', thought: 'I repeat what was said.', text: lastUserText(request.messages) }
}

function lastUserText(messages: readonly Message[]): string {
  const message = messages.findLast(({ role }) => role === 'user')
  return message === undefined ? '' : textOf(message)
}

function whatWasSaid(messages: readonly Message[]): string {
  const said = messages.filter(({ role }) => role === 'user').map(textOf)
  const previous = said.at(-2)
  if (previous === undefined) return 'This is the first message of this session, so there is nothing to remember yet.'
  const noun = said.length === 2 ? 'message' : 'messages'
  return `Before this you sent ${said.length - 1} ${noun}. The latest was: "${quote(previous)}"`
}

function helpText(request: ProviderRequest): string {
  const tools = request.tools ?? []
  const names = tools.slice(0, 10).map(({ name }) => `\`${name}\``)
  const aboutTools =
    tools.length === 0
      ? 'Give this agent a tool and I can call it: "use <tool> {"its":"input"}".'
      : `I can call this agent's tools (${names.join(', ')}): say "use ${tools[0]?.name}" and add its input as JSON if you like.`
  return (
    'I am the BeamClaw demo model: no key, no network, always the same answer. BeamClaw runs AI agent sessions as supervised actors ' +
    'that journal before they act. Try one of these:\n' +
    '- "what survives a crash?": what is kept when the process dies\n' +
    '- "what is a supervisor?": how a broken session is restarted\n' +
    '- "what did I say?": the session remembers\n' +
    '- "2+3*4" or "90m + 1h": a sum\n' +
    `- ${aboutTools}\n` +
    'For real answers, put a model such as `anthropic/claude-sonnet-5` in the agent and add its provider; nothing else changes.'
  )
}

function reflect(text: string, request: ProviderRequest): string {
  if (hasImage(request.messages.at(-1))) {
    return `You sent me an image${text === '' ? '' : ` and wrote: "${quote(text)}"`}. I cannot see; a real model can.`
  }
  if (text === '') return 'You sent me an empty message. Say "help" to see what you can try.'
  const next = (request.tools?.length ?? 0) > 0 ? `"use ${request.tools?.[0]?.name}"` : '"what survives a crash?"'
  return `You said: "${quote(text)}". I am only the demo model, so I cannot say more about it. Say "help", or try ${next}.`
}

function tell(results: readonly ToolResult[]): string {
  return results
    .map((result) => {
      const content = resultText(result)
      const verb = result.isError ? 'failed' : 'answered'
      return `The tool \`${result.name}\` ${verb}: ${content === '' ? '(nothing)' : content}`
    })
    .join('\n')
}

function resultText({ content }: ToolResult): string {
  const text = typeof content === 'string' ? content : content.map((part) => (part.type === 'text' ? part.text : '(an image)')).join('')
  return text.length > maxToldLength ? `${firstCharacters(text, maxToldLength)}…` : text
}

function hasImage(message: Message | undefined): boolean {
  return message?.role === 'user' && typeof message.content !== 'string' && message.content.some(({ type }) => type === 'image')
}

function quote(text: string): string {
  return text.length > maxQuotedLength ? `${firstCharacters(text, maxQuotedLength)}…` : text
}
