// Each program is run in a process of its own, once for each SDK, and all three print the same.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type ModelAnswer, type ModelServer, startModelServer } from '@beamclaw/testkit/model-server'
import { AbstractChat, type ChatState, type ChatStatus, DefaultChatTransport, type UIMessage } from 'ai'
import { describe, expect, onTestFinished, test } from 'vitest'
import { type Outcome, Program, type ProgramOptions, sdks } from './program.ts'
import { models, type Question, questionOf } from './scripted-model.ts'

type Model = (question: Question) => ModelAnswer | string

async function serverOf(model: Model | undefined): Promise<ModelServer> {
  const server = await startModelServer({ answers: (request) => model?.(questionOf(request)) ?? 'There is no such model.' })
  onTestFinished(() => server.stop())
  return server
}

async function folder(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'beamclaw-compare-'))
  onTestFinished(() => rm(path, { recursive: true, force: true }))
  return path
}

async function run(options: ProgramOptions): Promise<Outcome> {
  await using program = new Program(options)
  // Without the `await` it would be killed first.
  return await program.outcome()
}

const prints = (...lines: string[]): Outcome => ({ code: 0, errors: '', lines })

describe.each(sdks)('%s', (sdk) => {
  test.each([
    ['1-one-answer', ['Hello.']],
    ['2-streamed-text', ['Once upon a time.']],
    ['3-tool', ['Yes: rain in Oslo.']],
    ['4-structured-output', ['Emma 1815']],
    ['7-sub-agents', ['It is 5.', '12 euros.', '11 euros.']],
  ])('%s prints what the others print', async (name, lines) => {
    expect(await run({ name: `${name}/${sdk}`, server: await serverOf(models[name]), cwd: await folder() })).toEqual(prints(...lines))
  })

  test('2-streamed-text prints a piece before the answer is whole', async () => {
    const server = await serverOf(() => ({ text: ['Once ', 'upon ', 'a time.'], delivery: { stall: 3 } }))
    await using program = new Program({ name: `2-streamed-text/${sdk}`, server, cwd: await folder() })
    expect(await program.printed('Once ')).not.toContain('a time.')
  })

  test('5-conversation remembers in a second process what the first was told', async () => {
    const [server, cwd] = [await serverOf(models['5-conversation']), await folder()]
    const say = (text: string) => run({ name: `5-conversation/${sdk}`, server, cwd, args: [text] })
    expect(await say('My name is Ada.')).toEqual(prints('Hello Ada.'))
    expect(await say('Who am I?')).toEqual(prints('You are Ada.'))
  })

  test.each([
    ['yes', 'It is gone.'],
    ['no', 'It is still there.'],
  ])('6-approval does what the person types: %s', async (word, line) => {
    const server = await serverOf(models['6-approval'])
    await using program = new Program({ name: `6-approval/${sdk}`, server, cwd: await folder() })
    await program.printed('Delete q3? ')
    program.type(word)
    expect(await program.outcome()).toEqual(prints(`Delete q3? ${line}`))
  })

  test('8-use-chat answers the chat of the AI SDK, which remembers', async () => {
    const server = await serverOf(models['8-use-chat'])
    await using program = new Program({ name: `8-use-chat/${sdk}`, server, cwd: await folder(), through: 'serve.ts' })
    const chat = new PlainChat((await program.printed('/\n')).trim())
    await chat.sendMessage({ text: 'Hello' })
    await chat.sendMessage({ text: 'Goodbye' })
    expect(chat.messages.map(textOf)).toEqual(['Hello', 'You said: Hello.', 'Goodbye', 'You said: Hello, Goodbye.'])
  })
})

describe('where they differ', () => {
  test.each([
    ['beamclaw', 'My name is Ada.|Who am I?', 'You are Ada.'],
    ['ai-sdk', 'Who am I?', 'You are a stranger.'],
    ['openai-agents', 'Who am I?', 'You are a stranger.'],
  ])('5-conversation with %s, killed while the model answers, goes on with %j', async (sdk, said, line) => {
    const cwd = await folder()
    const options = { name: `5-conversation/${sdk}`, cwd }
    const silent = await serverOf(() => ({ text: '', delivery: { stall: 'headers' } }))
    await using first = new Program({ ...options, server: silent, args: ['My name is Ada.'] })
    await silent.received(1)
    await first.kill()

    const server = await serverOf(models['5-conversation'])
    expect(await run({ ...options, server, args: ['Who am I?'] })).toEqual(prints(line))
    expect(questionOf(server.requests.at(-1) ?? expect.unreachable()).said.join('|')).toBe(said)
  })

  test.each([
    ['beamclaw', 0, 2],
    ['ai-sdk', 1, 1],
    ['openai-agents', 1, 1],
  ])('4-structured-output with %s, given an answer of another shape first, ends with %i after %i requests', async (sdk, code, count) => {
    const answers = ['{ "title": "Emma" }', '{ "title": "Emma", "year": 1815 }']
    const server = await serverOf(() => answers.shift() ?? 'That is all.')
    const outcome = await run({ name: `4-structured-output/${sdk}`, server, cwd: await folder() })
    expect({ code: outcome.code, count: server.requests.length }).toEqual({ code, count })
  })
})

const textOf = ({ parts }: UIMessage): string => parts.map((part) => (part.type === 'text' ? part.text : '')).join('')

class PlainState implements ChatState<UIMessage> {
  status: ChatStatus = 'ready'
  error: Error | undefined = undefined
  messages: UIMessage[] = []
  pushMessage = (message: UIMessage): void => void this.messages.push(message)
  popMessage = (): void => void this.messages.pop()
  replaceMessage = (index: number, message: UIMessage): void => void this.messages.splice(index, 1, structuredClone(message))
  snapshot = <T>(value: T): T => structuredClone(value)
}

/** What `useChat` is without React. */
class PlainChat extends AbstractChat<UIMessage> {
  constructor(api: string) {
    super({ state: new PlainState(), transport: new DefaultChatTransport({ api }) })
  }
}
