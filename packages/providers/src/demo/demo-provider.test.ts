import { BeamClawError, type Clock, type Message, type ProviderPart, type ProviderRequest, type ToolDeclaration } from '@beamclaw/core'
import { describe, expect, it } from 'vitest'
import { DemoProvider } from './demo-provider.ts'

const never = new AbortController().signal
const deploy: ToolDeclaration = {
  name: 'deploy',
  description: 'Deploys',
  inputSchema: { type: 'object', properties: { target: { type: 'string' }, count: { type: 'integer' } }, required: ['target', 'count'] },
}

function user(content: string): Message {
  return { role: 'user', content }
}

async function ask(text: string, more: Partial<ProviderRequest> = {}): Promise<{ parts: ProviderPart[]; text: string }> {
  const parts: ProviderPart[] = []
  const request = { model: 'demo-1', messages: [user(text)], ...more }
  for await (const part of new DemoProvider().doStream(request, { signal: never })) parts.push(part)
  return { parts, text: parts.map((part) => (part.type === 'text-delta' ? part.text : '')).join('') }
}

describe('DemoProvider', () => {
  it('streams word by word and ends with one finish', async () => {
    const { parts, text } = await ask('hello')
    expect(text).toContain('demo model')
    expect(parts.filter(({ type }) => type === 'text-delta').length).toBeGreaterThan(20)
    expect(parts.filter(({ type }) => type === 'finish')).toHaveLength(1)
    expect(parts.at(-1)).toMatchObject({ type: 'finish', reason: 'stop', usage: { inputTokens: 2 } })
  })

  it.each([
    ['help', /what survives a crash/],
    ['What can you do?', /supervised actors/],
    ['what happens if you crash?', /kill -9/],
    ['what is 2+3', /2\+3 = 5/],
    ['(1.5 + 2) * -4', /= -14$/],
    ['90m + 1h', /= 2 h 30 min/],
    ['1 d / 2', /= 12 h/],
    ['10/0', /You said/],
    ['2026-11-21 is a date, is it not', /You said/],
    ['my cat is grey', /You said: "my cat is grey"/],
    ['', /empty message/],
  ])('answers %j', async (question, expected) => {
    expect((await ask(question)).text).toMatch(expected)
  })

  it('calls no tool for what BeamClaw tells of something that has ended', async () => {
    const tools = [{ ...deploy, name: 'process' }]
    const { parts } = await ask('The background process brave-otter has ended with code 0 after 1.0 s.', { tools })
    expect(parts.some(({ type }) => type === 'tool-call')).toBe(false)
  })

  it('gives the same answer to the same question', async () => {
    const first = await ask('use deploy', { tools: [deploy] })
    expect(await ask('use deploy', { tools: [deploy] })).toEqual(first)
  })

  it('remembers what was said', async () => {
    const messages = [user('my dog is Rex'), { role: 'assistant', content: [] } as const, user('what did I say?')]
    expect((await ask('', { messages })).text).toContain('my dog is Rex')
  })

  it('echoes exactly', async () => {
    const message = '  two  spaces\n\tand a tab 🦞 \n'
    expect((await ask(message, { model: 'echo' })).text).toBe(message)
  })

  it('calls a tool with given input and tells the result', async () => {
    const { parts } = await ask('call deploy {"target":"prod","count":2}', { tools: [deploy] })
    const call = parts.find((part) => part.type === 'tool-call')
    expect(call).toMatchObject({ name: 'deploy', input: { target: 'prod', count: 2 } })
    expect(parts.at(-1)).toMatchObject({ reason: 'tool-calls' })
    const pieces = parts.map((part) => (part.type === 'tool-call-delta' ? part.inputText : '')).join('')
    expect(JSON.parse(pieces)).toEqual({ target: 'prod', count: 2 })
    const result: Message = {
      role: 'tool',
      content: [{ type: 'tool-result', toolCallId: 'x', name: 'deploy', content: 'done', isError: false }],
    }
    expect((await ask('', { messages: [user('call deploy'), result], tools: [deploy] })).text).toBe('The tool `deploy` answered: done')
  })

  it('makes up input from what was said, and passes broken JSON on', async () => {
    const madeUp = await ask('please deploy to staging 3 times', { tools: [deploy] })
    expect(madeUp.parts.find(({ type }) => type === 'tool-call')).toMatchObject({
      input: { target: 'please deploy to staging 3 times', count: 3 },
    })
    const broken = await ask('use deploy {"target":', { tools: [deploy] })
    expect(broken.parts.find(({ type }) => type === 'tool-call')).toMatchObject({ input: {}, invalidInput: '{"target":' })
  })

  it('honours toolChoice, maxOutputTokens, responseFormat and thinking', async () => {
    const none = await ask('use deploy', { tools: [deploy], toolChoice: 'none' })
    expect(none.parts.some(({ type }) => type === 'tool-call')).toBe(false)
    const forced = await ask('hello', { tools: [deploy], toolChoice: { name: 'deploy' } })
    expect(forced.parts.some(({ type }) => type === 'tool-call')).toBe(true)
    expect((await ask('help', { maxOutputTokens: 3 })).parts.at(-1)).toMatchObject({ reason: 'length' })
    expect(JSON.parse((await ask('2+3', { responseFormat: { type: 'json' } })).text)).toEqual({ answer: '2+3 = 5' })
    expect((await ask('hello', { thinking: 'low' })).parts.slice(0, 8).map(({ type }) => type)).toContain('thinking-end')
  })

  it('refuses unknown models, bad options and ends on abort', async () => {
    await expect(ask('hi', { model: 'gpt-9' })).rejects.toMatchObject({ code: 'provider-bad-request' })
    expect(() => new DemoProvider({ delayMs: -1 })).toThrowError(/option "delayMs" must be a whole number from 0 to 60000/)
    expect(() => new DemoProvider({ delay: 1 } as never)).toThrowError(/unknown option "delay"/)
    const controller = new AbortController()
    const timers: (() => void)[] = []
    let cancelled = 0
    const clock: Clock = {
      now: () => 0,
      monotonic: () => 0,
      yieldTo: (callback) => callback(),
      setTimer: (callback) => {
        timers.push(callback)
        return { cancel: () => void cancelled++ }
      },
    }
    const stream = new DemoProvider({ delayMs: 50, clock }).doStream({ model: 'demo-1', messages: [user('hi')] }, controller)
    const first = stream.next()
    await Promise.resolve()
    timers[0]?.()
    expect((await first).value).toMatchObject({ type: 'text-delta' })
    const second = stream.next()
    controller.abort(new Error('enough'))
    await expect(second).rejects.toSatisfy((error) => BeamClawError.isInstance(error, 'provider-aborted'))
    expect(cancelled).toBe(1)
  })
})
