/** The model that the programs talk to: it decides from the request alone, as a real one does, so that every SDK gets the same answers. */
import type { ModelAnswer, ReceivedRequest } from '@beamclaw/testkit/model-server'

interface ChatMessage {
  readonly role: string
  readonly content?: string | readonly { readonly text?: string }[] | null
}

/** What the model is asked, in the same words whichever SDK asks. */
export interface Question {
  /** Texts of the user, oldest first. */
  readonly said: readonly string[]
  /** Texts of the user and of the model, oldest first. */
  readonly all: readonly string[]
  readonly system: string
  /** Set when the last message is the result of a tool. */
  readonly toolResult: string | undefined
  /** Returns a call of the tool whose name has the word; each SDK has names of its own. */
  readonly call: (word: string, input: Readonly<Record<string, string>>) => ModelAnswer
}

/** Reads a request to Chat Completions. */
export function questionOf({ body }: ReceivedRequest): Question {
  const { messages, tools = [] } = body as { messages: readonly ChatMessage[]; tools?: readonly { function: { name: string } }[] }
  const textsOf = (...roles: string[]) => messages.filter(({ role }) => roles.includes(role)).map(textOf)
  const last = messages.at(-1)
  return {
    said: textsOf('user'),
    all: textsOf('user', 'assistant'),
    system: textsOf('system', 'developer').join('\n'),
    toolResult: last?.role === 'tool' ? textOf(last) : undefined,
    call: (word, input) => {
      const name = tools.map((tool) => tool.function.name).find((one) => one.includes(word))
      return name === undefined ? `There is no tool for ${word}.` : { toolCalls: [{ name, input }] }
    },
  } as Question
}

function textOf({ content }: ChatMessage): string {
  return typeof content === 'string' ? content : (content ?? []).map(({ text = '' }) => text).join('')
}

/** The answers, by the first text of the user; each may depend on the rest of the conversation. */
const answers: Readonly<Record<string, (question: Question) => ModelAnswer | string>> = {
  'Say hello.': () => 'Hello.',
  'Tell me a story.': () => ({ text: ['Once ', 'upon ', 'a time.'] }),
  'Do I need an umbrella in Oslo?': ({ toolResult, call }) =>
    toolResult === undefined ? call('weather', { city: 'Oslo' }) : `Yes: ${toolResult}.`,
  'Name a novel.': () => '{ "title": "Emma", "year": 1815 }',
  'My name is Ada.': ({ said }) => (said.at(-1) === 'Who am I?' ? 'You are Ada.' : 'Hello Ada.'),
  'Who am I?': () => 'You are a stranger.',
  'Delete the report q3.': ({ toolResult, call }) => {
    if (toolResult === undefined) return call('delete_report', { name: 'q3' })
    return toolResult.includes('q3 is deleted') ? 'It is gone.' : 'It is still there.'
  },
  'What is 2+3?': ({ said, system, toolResult, call }) => {
    if (system.includes('bills')) return said.at(-1) === 'And last month?' ? '11 euros.' : '12 euros.'
    if (toolResult !== undefined) return `It is ${toolResult}.`
    // The input has one name in two of the SDKs, and another in the third.
    return said.length === 1 ? call('sums', { task: '2+3', input: '2+3' }) : call('billing', {})
  },
  '2+3': ({ system }) => (system.includes('sums') ? '5' : 'I do not know.'),
  Hello: ({ said }) => `You said: ${said.join(', ')}.`,
}

/** Returns the model's answer to a question of any of the programs. */
export function scriptedModel(question: Question): ModelAnswer | string {
  return answers[question.said[0] ?? '']?.(question) ?? 'I do not understand.'
}
