/** What a gateway refuses when it is made. */
import { BeamClaw, defineAgent, type RunningBeamClaw, silentLogger } from '@beamclaw/core'
import { ManualClock } from '@beamclaw/core/testing'
import { defineMethods } from '@beamclaw/protocol'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import * as z from 'zod'
import { Gateway } from '../gateway.ts'
import { FunctionModel } from '../testing/scene.ts'
import { implementMethods } from './implement-methods.ts'

const method = { scope: 'operator.read', params: z.unknown(), result: z.unknown() } as const
const event = { scope: 'operator.read', payload: z.unknown() } as const
const run = (): null => null

/** An implemented fragment, with some of it replaced. */
function guest(parts: { methods?: object; events?: object; scopes?: object; implementations?: object; onStart?: unknown }): object {
  const { methods = {}, events = {}, scopes = {}, implementations = {}, ...rest } = parts
  return { fragment: { methods, events, scopes }, implementations, ...rest }
}

const a = guest({ methods: { 'jobs.a': method }, implementations: { 'jobs.a': run } })

let claw: RunningBeamClaw

beforeAll(async () => {
  claw = await new BeamClaw({
    providers: { test: new FunctionModel(() => ({ text: '' })) },
    agents: [defineAgent({ id: 'main', model: 'test/model' })],
    services: { logger: silentLogger, clock: new ManualClock() },
  }).start()
})

afterAll(() => claw.stop())

describe('the methods of guests are refused', () => {
  test.each<[string, unknown, RegExp]>([
    ['when they are no array', a, /must be an array of results of implementMethods, received an object/],
    ['when one is nothing', [undefined], /each of "methods" must be an object, received undefined/],
    ['when one is only a fragment', [defineMethods({})], /a fragment must be an object/],
    ['for a method that another fragment has', [a, a], /the method "jobs\.a" is defined twice/],
    [
      'for a method of the gateway',
      [guest({ methods: { health: method }, implementations: { health: run } })],
      /"health" is defined twice/,
    ],
    ['for connect', [guest({ methods: { connect: method }, implementations: { connect: run } })], /"connect" is reserved for the gateway/],
    ['for an event of the gateway', [guest({ events: { chat: event } })], /the event "chat" is defined twice/],
    ['for a scope of the gateway', [guest({ scopes: { 'operator.admin': {} } })], /the scope "operator\.admin" is defined twice/],
    [
      'for a scope that nobody has',
      [guest({ methods: { a: { ...method, scope: 'jobs' } }, implementations: { a: run } })],
      /unknown scope "jobs"/,
    ],
    [
      'for an event without its scope',
      [guest({ events: { a: { ...event, scope: 'jobs' } } })],
      /the event "a" names the unknown scope "jobs"/,
    ],
    ['for no scope', [guest({ methods: { a: { ...method, scope: undefined } }, implementations: { a: run } })], /unknown scope undefined/],
    ['for a scope implied by an unknown one', [guest({ scopes: { jobs: { impliedBy: ['x'] } } })], /impliedBy names the unknown scope "x"/],
    ['for a missing implementation', [guest({ methods: { a: method } })], /"a" has no implementation; received undefined/],
    ['for one that every object has', [guest({ methods: { toString: method } })], /"toString" has no implementation/],
    ['for an implementation that is none', [guest({ methods: { a: method }, implementations: { a: 1 } })], /no implementation; received 1/],
    ['for an implementation of nothing', [guest({ implementations: { b: run } })], /the implementation "b" belongs to no method/],
    [
      'for a schema that is none',
      [guest({ methods: { a: { ...method, result: {} } }, implementations: { a: run } })],
      /result of the method "a" must be a zod/,
    ],
    [
      'for no methods',
      [implementMethods(defineMethods(null as never), {} as never)],
      /methods of a fragment must be an object, received null/,
    ],
    [
      'for additions that are null',
      [implementMethods(defineMethods({}, null as never), {})],
      /events of a fragment must be an object, received null/,
    ],
    [
      'for implementations that are null',
      [implementMethods(defineMethods({}), null as never)],
      /the implementations of a fragment must be an object/,
    ],
    ['for hooks that are null', [implementMethods(defineMethods({}), {}, null as never)], /onStart must be a function, received null/],
    [
      'for what cannot be read',
      [
        {
          get fragment() {
            throw new Error('read')
          },
        },
      ],
      /option "methods": cannot be read: read/,
    ],
    [
      'for a name that is the key of every object',
      [guest({ methods: JSON.parse('{"__proto__": {}}'), implementations: {} })],
      /the name of the method "__proto__" must be words/,
    ],
    [
      'for parameters with an async check',
      [
        guest({
          methods: { a: { ...method, params: z.strictObject({ id: z.string().refine(async () => true) }) } },
          implementations: { a: run },
        }),
      ],
      /params of the method "a" must be synchronous, and it has an async function/,
    ],
    [
      'for a result with an async transform',
      [guest({ methods: { a: { ...method, result: z.array(z.string().transform(async (x) => x)) } }, implementations: { a: run } })],
      /result of the method "a" must be synchronous/,
    ],
    ['for a name that breaks a frame', [guest({ events: { 'a"b': event } })], /the name of the event "a"b" must be words/],
    ['for a name that is too long', [guest({ events: { ['x'.repeat(129)]: event } })], /at most 128 characters/],
    ['for a hook that is no function', [guest({ onStart: 1 })], /onStart must be a function, received 1/],
  ])('%s', (_what, methods, message) => {
    expect(() => new Gateway({ claw, port: 0, methods: methods as never })).toThrow(
      expect.objectContaining({ code: 'invalid-option', message: expect.stringMatching(message) }),
    )
  })

  test('and taken in any order: a scope may be defined after what needs it', () => {
    const uses = implementMethods(defineMethods({ 'jobs.b': { ...method, scope: 'jobs' } }), { 'jobs.b': run })
    const has = implementMethods(defineMethods({}, { scopes: { jobs: {} } }), {})
    expect(() => new Gateway({ claw, port: 0, methods: [uses, has] })).not.toThrow()
  })
})
