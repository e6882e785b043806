import { silentLogger } from '@beamclaw/actor'
import { flushEventLoop } from '@beamclaw/actor/testing'
import { describe, expect, onTestFinished, test } from 'vitest'
import { type Usage, zeroUsage } from './base/messages.ts'
import { BeamClaw } from './beamclaw.ts'
import type { Provider } from './ports/provider.ts'
import type { RunningBeamClaw } from './running-beamclaw.ts'
import { type ScriptedAnswer, ScriptedProvider, textAnswer, toolAnswer } from './testing/scripted-provider.ts'

const usage: Usage = { ...zeroUsage, inputTokens: 3, outputTokens: 2 }

const { proxy: revoked, revoke } = Proxy.revocable({}, {})
revoke()
const closed = Object.defineProperty({}, 'content', {
  enumerable: true,
  get: () => {
    throw new Error('read')
  },
})

async function up(...answers: ScriptedAnswer[]): Promise<{ readonly claw: RunningBeamClaw; readonly provider: ScriptedProvider }> {
  const provider = new ScriptedProvider({ answers, otherwise: 'Hello.' })
  const claw = await new BeamClaw({
    providers: { test: provider },
    agents: [{ id: 'main', model: 'test/model' }],
    services: { logger: silentLogger },
  }).start()
  onTestFinished(() => void claw.kill())
  return { claw, provider }
}

describe('running.generate', () => {
  test('resolves with one whole answer, and stores nothing', async () => {
    const thinking = { type: 'thinking-delta', text: 'Hm.' } as const
    const { claw, provider } = await up(
      { parts: [thinking, ...textAnswer('Hel'), ...textAnswer('never')], hang: true },
      {
        parts: [thinking, { type: 'text-delta', text: 'Hel' }, ...textAnswer('lo.', usage)],
      },
    )
    expect((await claw.generate('test/model', 'Say hello.')).text).toBe('Hel')
    expect(await claw.generate('test/model', 'Say hello.')).toEqual({
      text: 'Hello.',
      message: {
        role: 'assistant',
        content: [
          { type: 'thinking', text: 'Hm.' },
          { type: 'text', text: 'Hello.' },
        ],
      },
      finish: 'stop',
      usage,
    })
    expect(provider.calls[1]?.request).toEqual({
      model: 'model',
      tenant: 'default',
      messages: [{ role: 'user', content: 'Say hello.' }],
    })
    expect(await claw.sessions()).toEqual([])
  })

  test('sends a whole request, with the prompt as its last message', async () => {
    const { claw, provider } = await up(toolAnswer('weather'))
    const settings = {
      system: 'Be brief.',
      tools: [{ name: 'weather', description: 'Tells the weather', inputSchema: { type: 'object' } }],
      toolChoice: 'required',
      temperature: 0,
      maxOutputTokens: 9,
      topP: 0.5,
      stopSequences: ['.'],
      thinking: 'low',
      responseFormat: { type: 'json' },
      userId: 'ann',
      agent: 'main',
      tenant: 'acme',
    } as const
    const messages = [
      { role: 'user', content: 'Hi' },
      { role: 'assistant', content: [{ type: 'text', text: 'Hello' }] },
    ] as const
    const { signal } = new AbortController()
    const image = { type: 'image', mediaType: 'image/png', url: 'https://example.com/a.png' } as const
    const { finish, text, message } = await claw.generate({ model: 'test/a/b', ...settings, messages, signal }, [image])
    expect([finish, text, message.content[0]?.type]).toEqual(['tool-calls', '', 'tool-call'])
    expect(provider.calls[0]?.request).toEqual({ model: 'a/b', ...settings, messages: [...messages, { role: 'user', content: [image] }] })
    await claw.generate({ model: 'test/model', messages: messages.slice(0, 1) })
    expect(provider.calls[1]?.request.messages).toEqual([{ role: 'user', content: 'Hi' }])
  })

  test.each([
    ['a model without a provider', 'model', 'hi', 'invalid-option', /"model" must be of the form/],
    ['a provider that is not there', 'tset/model', 'hi', 'unknown-model', /did you mean "test\/…"/],
    [
      'a prompt in the request',
      { model: 'test/model', prompt: 'hi' },
      undefined,
      'invalid-option',
      /unknown option "prompt"; pass it as the second argument, or as the last of "messages"/,
    ],
    ['no prompt and no messages', 'test/model', undefined, 'invalid-message', /a prompt or at least one of messages is needed/],
    ['an empty prompt', 'test/model', '', 'invalid-message', /prompt must not be empty/],
    [
      'a message that is none',
      { model: 'test/model', messages: [{ role: 'system', content: 'x' }] },
      'hi',
      'invalid-message',
      /messages\[0\]\.role/,
    ],
    ['an option that nothing reads', { model: 'test/model', sytem: 'x' }, 'hi', 'invalid-option', /did you mean "system"/],
    ['a signal that is none', { model: 'test/model', signal: {} }, 'hi', 'invalid-option', /"signal" must be an AbortSignal/],
    ['nothing at all', undefined, undefined, 'invalid-option', /must be an object/],
    ['a message that cannot be read', { model: 'test/model', messages: [closed] }, 'hi', 'invalid-message', /messages cannot be read/],
  ])('rejects %s, and asks nobody', async (_, request, prompt, code, message) => {
    const { claw, provider } = await up()
    await expect(claw.generate(request as never, prompt as never)).rejects.toMatchObject({ code, message: expect.stringMatching(message) })
    expect(provider.calls).toEqual([])
  })

  test('rejects as the provider fails, by a code, whatever the provider throws', async () => {
    const secret = 'sk-secret'
    const { claw, provider } = await up({ error: new TypeError(secret) }, { parts: [{ type: 'text-delta', text: 'a' }] })
    const error: unknown = await claw.generate('test/model', 'hi').catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({ code: 'provider-protocol', message: expect.not.stringContaining(secret) })
    await expect(claw.generate('test/model', 'hi')).rejects.toMatchObject({ code: 'provider-protocol' })
    provider.doStream = () => {
      throw new Error('before the stream')
    }
    await expect(claw.generate('test/model', 'hi')).rejects.toMatchObject({ code: 'provider-protocol' })
  })

  test('ends with its signal, also when that was aborted before', async () => {
    const { claw, provider } = await up({ hang: true })
    const controller = new AbortController()
    const answer = claw.generate({ model: 'test/model', signal: controller.signal }, 'hi')
    await flushEventLoop()
    const why = new Error('enough')
    controller.abort(why)
    await expect(answer).rejects.toMatchObject({ code: 'provider-aborted', cause: why })
    await expect(claw.generate({ model: 'test/model', signal: controller.signal }, 'hi')).rejects.toMatchObject({
      code: 'provider-aborted',
    })
    expect(provider.calls.map(({ status }) => status)).toEqual(['aborted'])
  })

  test('leaves no listener on a signal that outlives it', async () => {
    const { claw } = await up()
    const { signal } = new AbortController()
    let listeners = 0
    const { addEventListener, removeEventListener } = signal
    signal.addEventListener = (...given: Parameters<typeof addEventListener>) => {
      listeners++
      addEventListener.apply(signal, given)
    }
    signal.removeEventListener = (...given: Parameters<typeof removeEventListener>) => {
      listeners--
      removeEventListener.apply(signal, given)
    }
    await claw.generate({ model: 'test/model', signal }, 'hi')
    expect(listeners).toBe(0)
  })

  test.each(['stop', 'kill'] as const)('ends with its BeamClaw: %s', async (how) => {
    const { claw, provider } = await up({ hang: true })
    const answer = claw.generate('test/model', 'hi')
    answer.catch(() => {})
    await flushEventLoop()
    await claw[how]()
    await expect(answer).rejects.toMatchObject({ code: 'provider-aborted' })
    await expect(claw.generate('test/model', 'hi')).rejects.toMatchObject({ code: 'actor-not-running' })
    expect(provider.calls.map(({ status }) => status)).toEqual(['aborted'])
  })
})

test('running.complete needs no options', async () => {
  const { claw } = await up()
  const parts: string[] = []
  for await (const { type } of claw.complete({ model: 'test/model', messages: [{ role: 'user', content: 'hi' }] })) parts.push(type)
  expect(parts).toEqual(['text-delta', 'finish'])
})

describe('running.complete', () => {
  const messages = [{ role: 'user', content: 'Hi' }] as const
  test.each([
    ['nothing at all', null, undefined, 'invalid-option', /"options" must be an object/],
    ['a model that is no text', { model: 5, messages }, undefined, 'invalid-option', /"model" must be/],
    ['no model', { messages }, undefined, 'invalid-option', /"model" is required/],
    ['no messages', { model: 'test/model' }, undefined, 'invalid-option', /"messages" is required/],
    ['a provider that is not there', { model: 'tset/model', messages }, undefined, 'unknown-model', /did you mean/],
    ['a request that cannot be read', revoked, undefined, 'invalid-option', /cannot be read/],
    [
      'a message that cannot be read',
      { model: 'test/model', messages: [closed] },
      undefined,
      'invalid-message',
      /messages.*(cannot be read|role)/,
    ],
    ['a revoked message', { model: 'test/model', messages: [revoked] }, undefined, 'invalid-message', /messages/],
    ['options that are none', { model: 'test/model', messages }, null, 'invalid-option', /"options" must be an object/],
    ['a signal that is none', { model: 'test/model', messages }, { signal: {} }, 'invalid-option', /"signal" must be an AbortSignal/],
  ])('refuses %s at once, and asks nobody', async (_, request, options, code, message) => {
    const { claw, provider } = await up()
    expect(() => claw.complete(request as never, options as never)).toThrow(
      expect.objectContaining({ code, message: expect.stringMatching(message) }),
    )
    expect(provider.calls).toEqual([])
  })

  test('sends what it was given, with its default tenant', async () => {
    const { claw, provider } = await up()
    for await (const _ of claw.complete({ model: 'test/model', messages, temperature: 0, agent: 'main' }));
    expect(provider.calls[0]?.request).toEqual({ model: 'model', messages, temperature: 0, agent: 'main', tenant: 'default' })
  })
})

describe('running.embed and running.countTokens', () => {
  const embedder = (answer: unknown) => ({ async *doStream() {}, doEmbed: async () => answer, countTokens: async () => answer }) as never
  const running = async (provider: Provider) => {
    const claw = await new BeamClaw({ providers: { test: provider }, agents: [{ id: 'main', model: 'test/model' }] }).start()
    onTestFinished(() => void claw.kill())
    return claw
  }

  test('resolve with what the provider has, and pass on the name of the model without its provider', async () => {
    const asked: unknown[] = []
    const claw = await running({
      async *doStream() {},
      doEmbed: async (request) => {
        asked.push(request)
        return { embeddings: request.texts.map((text) => [text.length, 0.5]), usage }
      },
      countTokens: async (request) => {
        asked.push(request)
        return 7
      },
    })
    expect(await claw.embed({ model: 'test/small', texts: ['a', 'bcd'], dimensions: 2 })).toEqual({
      embeddings: [
        [1, 0.5],
        [3, 0.5],
      ],
      usage,
    })
    const messages = [{ role: 'user', content: 'hello' }] as const
    expect(await claw.countTokens({ model: 'test/small', messages })).toBe(7)
    expect(asked).toEqual([
      { model: 'small', texts: ['a', 'bcd'], dimensions: 2 },
      { model: 'small', tenant: 'default', messages },
    ])
  })

  test.each<[string, unknown]>([
    ['nothing', undefined],
    ['too few', { embeddings: [[1]], usage: zeroUsage }],
    ['no numbers', { embeddings: [['1'], [2]], usage: zeroUsage }],
    ['no usage', { embeddings: [[1], [2]] }],
  ])('reject what is no answer: %s', async (_, answer) => {
    const claw = await running(embedder(answer))
    await expect(claw.embed({ model: 'test/small', texts: ['a', 'b'] })).rejects.toMatchObject({ code: 'provider-protocol' })
    await expect(claw.countTokens({ model: 'test/small', messages: [] })).rejects.toMatchObject({ code: 'provider-protocol' })
  })

  test.each<[string, object]>([
    ['no texts', { texts: [] }],
    ['an empty text', { texts: [''] }],
    ['too many texts', { texts: Array(2_049).fill('a') }],
    ['no list', { texts: 'a' }],
    ['dimensions of zero', { texts: ['a'], dimensions: 0 }],
    ['another option', { texts: ['a'], input: ['a'] }],
  ])('refuse %s', async (_, request) => {
    const claw = await running(embedder({ embeddings: [], usage: zeroUsage }))
    await expect(claw.embed({ model: 'test/small', ...request } as never)).rejects.toMatchObject({ code: 'invalid-option' })
  })

  test('name what a provider cannot do, and end with their signal and with the tree', async () => {
    const plain = await up()
    await expect(plain.claw.embed({ model: 'test/small', texts: ['a'] })).rejects.toMatchObject({ code: 'invalid-option' })
    await expect(plain.claw.countTokens({ model: 'test/small', messages: [] })).rejects.toMatchObject({ code: 'invalid-option' })
    const hanging = (_: unknown, { signal }: { readonly signal: AbortSignal }) =>
      new Promise<never>((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
    const claw = await running({ async *doStream() {}, doEmbed: hanging })
    const controller = new AbortController()
    const aborted = claw.embed({ model: 'test/small', texts: ['a'], signal: controller.signal })
    controller.abort()
    await expect(aborted).rejects.toMatchObject({ code: 'provider-aborted' })
    const ended = claw.embed({ model: 'test/small', texts: ['a'] })
    claw.kill()
    await expect(ended).rejects.toMatchObject({ code: 'provider-aborted' })
    await expect(claw.embed({ model: 'test/small', texts: ['a'] })).rejects.toMatchObject({ code: 'actor-not-running' })
  })
})
