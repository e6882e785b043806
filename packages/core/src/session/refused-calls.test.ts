/** What a handle is asked wrongly: it says so in one way, typed, and with the place. */
import { describe, expect, onTestFinished, test } from 'vitest'
import * as z from 'zod'
import { BeamClawError } from '../base/errors.ts'
import { FunctionModel, type Stage, stage } from '../testing/model.ts'
import { agentTool, handoff } from '../tool/agent-tool.ts'
import { defineTool } from '../tool/tool.ts'
import type { SendOptions } from './send-options.ts'
import type { SessionHandle } from './session-handle.ts'

const key = 'agent:main:main'
const lookup = defineTool({ name: 'lookup', description: 'looks', execute: () => 'found' })
const refund = defineTool({ name: 'refund', description: 'pays', execute: () => 'paid' })

async function up(): Promise<Stage> {
  const set = await stage(
    new FunctionModel(() => ({ text: 'hi' })),
    {},
    {
      agents: [
        { id: 'main', model: 'test/model', tools: [lookup, handoff('billing')] },
        { id: 'billing', model: 'test/model', tools: [refund] },
        { id: 'strict', model: 'test/model', context: z.object({ user: z.string() }) },
      ],
    },
  )
  onTestFinished(() => void set.claw.kill())
  return set
}

const revoked = (): never => {
  const { proxy, revoke } = Proxy.revocable({}, {})
  revoke()
  return proxy as never
}
const thrower = (): never => {
  throw new Error('read')
}
const unreadable = (): never => new Proxy({}, { get: thrower, ownKeys: thrower, getPrototypeOf: thrower, has: thrower }) as never
const withGetter = (name: string): never => Object.defineProperty({}, name, { get: thrower, enumerable: true }) as never
const cyclic = (): never => {
  const value: { self?: unknown } = {}
  value.self = value
  return value as never
}

/** What is sent, the code of the error, and a part of its message. */
type Mistake = readonly [what: string, content: unknown, options: unknown, code: string, message: string | RegExp]

const mistakes: readonly Mistake[] = [
  ['no content', undefined, {}, 'invalid-message', 'content must be text'],
  ['options that are none', 'hi', null, 'invalid-option', 'an object'],
  ['options in an array', 'hi', [], 'invalid-option', 'an object'],
  ['an unknown option', 'hi', { idempotencykey: 'a' }, 'invalid-option', 'did you mean "idempotencyKey"?'],
  ['an option of another library', 'hi', { abortSignal: 1 }, 'invalid-option', 'did you mean "signal"?'],
  ['a key with spaces', 'hi', { idempotencyKey: 'a b' }, 'invalid-id', 'run id'],
  ['a model without a provider', 'hi', { model: 'gpt-5' }, 'invalid-option', '"gpt-5"; known providers are test'],
  ['a model of an unknown provider', 'hi', { model: 'tset/x' }, 'invalid-option', '"tset/x"; did you mean "test/…"?'],
  ['a tool that the agent has not', 'hi', { tools: ['lokup'] }, 'invalid-option', 'send: tools names the tool "lokup"'],
  ['the known tools', 'hi', { tools: ['ghost'] }, 'invalid-option', 'known tools are hand_off_to_billing, lookup, refund'],
  ['a choice that the agent has not', 'hi', { toolChoice: { name: 'ghost' } }, 'invalid-option', 'toolChoice.name names the tool "ghost"'],
  ['a choice that is not allowed', 'hi', { tools: ['lookup'], toolChoice: { name: 'refund' } }, 'invalid-option', 'known tools are lookup'],
  ['a date in the context', 'hi', { context: { a: [{ when: new Date(0) }] } }, 'invalid-message', /context\.a\[0\]\.when is a Date; .*ISO/],
  ['a map in the context', 'hi', { context: { m: new Map() } }, 'invalid-message', 'context.m is a Map'],
  ['a function in the context', 'hi', { context: { call: () => {} } }, 'invalid-message', 'context.call is a function'],
  ['a bigint in the context', 'hi', { context: { n: 1n } }, 'invalid-message', 'context.n is a bigint'],
  ['no number in the context', 'hi', { context: { n: Number.NaN } }, 'invalid-message', 'context.n is NaN'],
  ['a context in itself', 'hi', { context: cyclic() }, 'invalid-message', 'contains itself'],
  [
    'a large context',
    'hi',
    { context: 'x'.repeat(300_000) },
    'document-too-large',
    'context takes 300002 bytes as JSON, and may take 262144',
  ],
  ['a context that cannot be read', 'hi', { context: unreadable() }, 'invalid-message', 'context cannot be read: read'],
  ['a revoked context', 'hi', { context: revoked() }, 'invalid-message', 'context cannot be read'],
  ['a getter in the context', 'hi', { context: withGetter('user') }, 'invalid-message', 'context cannot be read: read'],
  ['options that cannot be read', 'hi', unreadable(), 'invalid-option', 'send: option "options" cannot be read: read'],
  ['revoked options', 'hi', revoked(), 'invalid-option', 'cannot be read'],
  ['an option that cannot be read', 'hi', withGetter('model'), 'invalid-option', 'cannot be read: read'],
  ['a choice that cannot be read', 'hi', { toolChoice: unreadable() }, 'invalid-option', 'option "toolChoice" cannot be read'],
  ['a revoked choice', 'hi', { toolChoice: revoked() }, 'invalid-option', 'option "toolChoice" cannot be read'],
  ['a signal that cannot be read', 'hi', { signal: unreadable() }, 'invalid-option', 'option "signal" cannot be read'],
  [
    'what only looks like a signal',
    'hi',
    { signal: Object.create(AbortSignal.prototype) },
    'invalid-option',
    'option "signal" cannot be read',
  ],
  ['a revoked schema', 'hi', { output: revoked() }, 'invalid-option', 'option "output" cannot be read'],
  [
    'tools that cannot be read',
    'hi',
    { tools: new Proxy(['lookup'], { get: thrower }) },
    'invalid-option',
    'option "tools" cannot be read',
  ],
  ['tools that are no names', 'hi', { tools: [5] }, 'invalid-option', 'a list of names of tools'],
  ['the key of every object', 'hi', JSON.parse('{"__proto__": {"model": "test/other"}}'), 'invalid-option', 'unknown option "__proto__"'],
]

async function codeOf(promise: PromiseLike<unknown>): Promise<string> {
  try {
    await promise
    return 'none'
  } catch (error) {
    return BeamClawError.isInstance(error) ? error.code : `untyped: ${String(error)}`
  }
}

describe('a message that cannot be sent', () => {
  test.each(mistakes)('never makes send() throw, and rejects typed: %s', async (_what, content, options, code, message) => {
    const { claw, model } = await up()
    const send = () => claw.session(key).send(content as string, options as SendOptions)
    await expect(send().accepted).rejects.toMatchObject({
      code,
      message: typeof message === 'string' ? expect.stringContaining(message) : expect.stringMatching(message),
    })
    const nodeResponse = { writeHead: thrower, write: thrower, end: thrower, on: thrower, off: thrower }
    const codes = await Promise.all([
      codeOf(send().result()),
      codeOf(send()[Symbol.asyncIterator]().next()),
      codeOf(send().partialOutput().next()),
      codeOf(send().toResponse()),
      codeOf(send().pipeTo(nodeResponse as never)),
    ])
    expect(codes).toEqual([code, code, code, code, code])
    expect(model.requests).toEqual([])
  })

  test('takes nothing down when nobody looks at it', async () => {
    const { claw } = await up()
    claw.session(key).send('hi', { tools: ['ghost'] })
    claw.session('agent:nobody:main').send('hi')
    expect((await claw.session(key).send('hi').result()).text).toBe('hi')
  })

  test('is refused in one way whether the handle, the agent or the session finds the mistake', async () => {
    const { claw } = await up()
    expect(await codeOf(claw.session('agent:strict:a').send('hi', { context: { user: 5 } }).accepted)).toBe('invalid-message')
    expect(await codeOf(claw.session('agent:nobody:a').send('hi').accepted)).toBe('unknown-agent')
    expect(await codeOf(claw.session(key).send('hi', { signal: AbortSignal.abort() }).accepted)).toBe('call-aborted')
  })

  test('is not the one whose key is known: its run is still there when the tool has gone', async () => {
    const { claw } = await up()
    const first = await claw
      .session(key)
      .send('hi', { idempotencyKey: 'a', tools: ['lookup'] })
      .result()
    claw.updateAgents([{ id: 'main', model: 'test/model' }])
    expect(
      await claw
        .session(key)
        .send('hi', { idempotencyKey: 'a', tools: ['lookup'] })
        .result(),
    ).toEqual(first)
  })

  test('may name a tool of an agent that the conversation may be handed to', async () => {
    const { claw } = await up()
    expect(
      await codeOf(
        claw
          .session(key)
          .send('hi', { tools: ['lookup', 'refund'] })
          .result(),
      ),
    ).toBe('none')
  })

  test('keeps a context whose keys are those of every object', async () => {
    const contexts: unknown[] = []
    const { claw } = await stage(new FunctionModel(() => ({ text: 'hi' })), {
      system: ({ context }) => `number ${contexts.push(context)}`,
    })
    const context = JSON.parse('{"__proto__": {"isAdmin": true}, "constructor": 1}')
    await claw.session(key).send('hi', { context }).result()
    expect(JSON.stringify(contexts)).toBe('[{"__proto__":{"isAdmin":true},"constructor":1}]')
    expect((contexts[0] as { isAdmin?: boolean }).isAdmin).toBeUndefined()
    claw.kill()
  })
})

describe('a schema of a context that throws', () => {
  test('refuses the message, and says whose schema it is', async () => {
    const schema = { '~standard': { version: 1, vendor: 'own', validate: thrower } } as const
    const { claw } = await stage(new FunctionModel(() => ({})), { context: schema })
    const problem = { code: 'invalid-message', message: 'send: context: the schema of agent "main" failed: read' }
    await expect(claw.session(key).send('hi', { context: {} }).accepted).rejects.toMatchObject(problem)
    claw.kill()
  })
})

describe('every other call of a handle', () => {
  const calls: readonly (readonly [string, (session: SessionHandle) => PromiseLike<unknown>, string])[] = [
    ['follow a run of no name', (session) => session.follow('a b').result(), 'invalid-id'],
    ['follow with options that cannot be read', (session) => session.follow('a', unreadable()).result(), 'invalid-option'],
    ['follow with a schema that is none', (session) => session.follow('a', { output: {} as never }).accepted, 'invalid-option'],
    ['redrive a run of no name', (session) => session.redrive('a b').accepted, 'invalid-id'],
    ['redrive with options that cannot be read', (session) => session.redrive('a', revoked()).accepted, 'invalid-option'],
    ['abort a run of no name', (session) => session.abort('a b'), 'invalid-id'],
    ['read history that cannot be asked for', (session) => session.history(unreadable()), 'invalid-option'],
    ['configure with nothing', (session) => session.configure(null as never), 'invalid-option'],
    ['configure with what cannot be read', (session) => session.configure(unreadable()), 'invalid-option'],
    ['configure with a revoked proxy', (session) => session.configure(revoked()), 'invalid-option'],
    ['configure a title that cannot be read', (session) => session.configure(withGetter('title')), 'invalid-option'],
    ['configure a title that is a function', (session) => session.configure({ title: (() => 'x') as never }), 'invalid-option'],
    ['configure data that cannot be read', (session) => session.configure({ data: unreadable() }), 'invalid-option'],
    ['configure data that is a map', (session) => session.configure({ data: new Map() as never }), 'invalid-option'],
    ['configure __proto__', (session) => session.configure(JSON.parse('{"__proto__": {"title": "x"}}')), 'invalid-option'],
    ['fork to no key', (session) => session.fork('no where'), 'invalid-session-key'],
    ['fork with options that cannot be read', (session) => session.fork('agent:main:b', unreadable()), 'invalid-option'],
    ['rewind to nothing', (session) => session.rewind(undefined as never), 'invalid-option'],
    ['rewind to an object that throws', (session) => session.rewind(unreadable()), 'invalid-option'],
    ['import what cannot be read', (session) => session.import(unreadable()), 'invalid-message'],
  ]

  test.each(calls)('rejects typed, and never throws: %s', async (_what, call, code) => {
    const { claw } = await up()
    await claw.session(key).send('hi', { idempotencyKey: 'a' }).result()
    expect(await codeOf(call(claw.session(key)))).toBe(code)
  })

  test('says how large the data of a session is, and may be', async () => {
    const { claw } = await up()
    const problem = /option "data" must be a JSON object of at most 16384 bytes \(this one takes 20008\)/
    await expect(claw.session(key).configure({ data: { a: 'x'.repeat(20_000) } })).rejects.toThrow(problem)
    await expect(claw.session(key).configure({ data: { when: new Date(0) } as never })).rejects.toThrow(
      /data\.when is a Date; pass its ISO/,
    )
    await expect(claw.session(key).configure({ model: 'gpt-5' })).rejects.toThrow(/"gpt-5"; known providers are test/)
  })
})

describe('a subscription that cannot be', () => {
  test('throws at once for a place that is no number of a record', async () => {
    const { claw } = await up()
    for (const fromSeq of [-1, 1.5, Number.NaN, '1', unreadable(), revoked()] as number[]) {
      expect(() => claw.session(key).subscribe(fromSeq)).toThrow(expect.objectContaining({ code: 'invalid-option' }))
    }
  })

  test('throws at once for options that cannot be read, and for a signal that is none', async () => {
    const { claw } = await up()
    for (const options of [unreadable(), revoked(), withGetter('signal'), { signal: {} }] as never[]) {
      expect(() => claw.session(key).subscribe(1, options)).toThrow(expect.objectContaining({ code: 'invalid-option' }))
    }
  })
})

describe('agents that name others', () => {
  test.each([
    [
      'asks',
      agentTool('ghost'),
      /agents\[0\]\.tools\["ask_ghost"\] is for the agent "ghost", which is not among the agents; known agents are/,
    ],
    ['hands over to', handoff('billin'), /agents\[0\]\.tools\["hand_off_to_billin"\] .* did you mean "billing"\?/],
  ])('are refused at the start and later when the agent that one %s is not there', async (_what, tool, message) => {
    const agents = [
      { id: 'main', model: 'test/model', tools: [tool] },
      { id: 'billing', model: 'test/model' },
    ]
    const problem = expect.objectContaining({ code: 'invalid-option', message: expect.stringMatching(message) })
    const { claw } = await up()
    expect(() => claw.updateAgents(agents)).toThrow(problem)
    await expect(stage(new FunctionModel(() => ({})), {}, { agents })).rejects.toEqual(problem)
  })

  test('are refused when one is made to call a tool that it has not', async () => {
    const { claw } = await up()
    const change = (): void => claw.updateAgents([{ id: 'main', model: 'test/model', tools: [lookup], toolChoice: { name: 'lokup' } }])
    expect(change).toThrow(
      /agents\[0\] \("main"\): toolChoice\.name names the tool "lokup", which the agent has not; did you mean "lookup"\?/,
    )
  })

  test('may be none: each message then says what to do', async () => {
    const { claw } = await stage(new FunctionModel(() => ({ text: 'hi' })), {}, { agents: [] })
    await expect(claw.session(key).send('hi').result()).rejects.toThrow(/no agent "main"; this BeamClaw has none yet; .*updateAgents/)
    claw.updateAgents([{ id: 'main', model: 'test/model' }])
    expect((await claw.session(key).send('hi').result()).text).toBe('hi')
    claw.kill()
  })
})
