import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  maxSessionKeyLength,
  parseAgentId,
  parseNodeId,
  parseRunId,
  parseSessionKey,
  parseTenantId,
  type SessionKey,
  sessionKey,
  sessionKeyParts,
} from './ids.ts'

const invalidKey = expect.objectContaining({ code: 'invalid-session-key' })
const invalidId = expect.objectContaining({ code: 'invalid-id' })

const agentIds = fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/)
const words = fc.stringMatching(/^[A-Za-z0-9_@+=-]{1,20}$/)
// Words joined by single colons and dots: everything a session part may be.
const sessionIds = fc
  .tuple(words, fc.array(fc.tuple(fc.constantFrom(':', '.'), words), { maxLength: 5 }))
  .map(([first, rest]) => first + rest.map(([joint, word]) => joint + word).join(''))

function accepted(parse: (value: unknown) => string, value: unknown): string | undefined {
  try {
    return parse(value)
  } catch {
    return undefined
  }
}

describe('session keys', () => {
  test('are lower-cased once', () => {
    expect(parseSessionKey('AGENT:Ops:Main')).toBe('agent:ops:main')
  })

  test.each([
    'agent:ops:main',
    'agent:a:b',
    'agent:0ps_team-1:main',
    'agent:ops:telegram:group:-100123',
    'agent:ops:slack:c01.thread.17',
    'agent:ops:mail:someone+tag@example.com',
    'agent:ops:whatsapp:+4912345=',
    'agent:ops:_',
    'agent:ops:-',
    `agent:${'a'.repeat(64)}:main`,
  ])('take %s as it is', (key) => {
    expect(parseSessionKey(key)).toBe(key)
  })

  test('keep the colons of the session part', () => {
    expect(sessionKeyParts(parseSessionKey('agent:ops:telegram:group:7'))).toEqual({ agentId: 'ops', sessionId: 'telegram:group:7' })
  })

  test('may be 512 characters long and no longer', () => {
    const longest = `agent:ops:${'x'.repeat(maxSessionKeyLength - 'agent:ops:'.length)}`
    expect(parseSessionKey(longest)).toHaveLength(512)
    expect(() => parseSessionKey(`${longest}x`)).toThrow(invalidKey)
  })

  test.each([
    ['nothing', ''],
    ['no colon', 'agent'],
    ['one colon', 'agent:ops'],
    ['only colons', ':::'],
    ['another prefix', 'session:ops:main'],
    ['a longer prefix', 'agents:ops:main'],
    ['a space before', ' agent:ops:main'],
    ['an empty agent', 'agent::main'],
    ['an agent of 65 characters', `agent:${'a'.repeat(65)}:main`],
    ['an agent that starts with a dash', 'agent:-ops:main'],
    ['an agent with a dot', 'agent:o.ps:main'],
    ['an empty session', 'agent:ops:'],
    ['a dot alone', 'agent:ops:.'],
    ['two dots', 'agent:ops:a..b'],
    ['a way up', 'agent:ops:../../etc/passwd'],
    ['a way up among colons', 'agent:ops:a:..:b'],
    ['a slash', 'agent:ops:a/b'],
    ['a backslash', 'agent:ops:a\\b'],
    ['a percent sign', 'agent:ops:%2e%2e'],
    ['a colon at the start', 'agent:ops::main'],
    ['a colon at the end', 'agent:ops:main:'],
    ['two colons', 'agent:ops:a::b'],
    ['a dot at the start', 'agent:ops:.main'],
    ['a dot at the end', 'agent:ops:main.'],
    ['a space', 'agent:ops:my session'],
    ['a line break at the end', 'agent:ops:main\n'],
    ['NUL', 'agent:ops:ma\0in'],
    ['NUL at the end', 'agent:ops:main\0'],
    ['the Kelvin sign in the session', 'agent:ops:to\u212aen'],
    ['the Kelvin sign in the agent', 'agent:\u212a8s:main'],
    ['a dotless i', 'agent:ops:ma\u0131n'],
    ['a dotted capital I', 'agent:ops:MA\u0130N'],
    ['a long s', 'agent:op\u017f:main'],
    ['full-width letters', 'agent:\uff4f\uff50\uff53:main'],
    ['a full-width colon', 'agent\uff1aops\uff1amain'],
    ['a Cyrillic a', 'agent:ops:m\u0430in'],
    ['a letter and a combining accent', 'agent:ops:caf\u0065\u0301'],
    ['a soft hyphen', 'agent:ops:ma\u00adin'],
    ['a direction mark', 'agent:ops:\u202emain'],
    ['half a surrogate pair', 'agent:ops:\ud800'],
  ])('refuse %s', (_what, key) => {
    expect(() => parseSessionKey(key)).toThrow(invalidKey)
  })

  test.each([undefined, null, 7, Number.NaN, {}, ['agent:ops:main'], Symbol('agent:ops:main'), new String('agent:ops:main')])(
    'refuse what is no string: %s',
    (value) => {
      expect(() => parseSessionKey(value)).toThrow(invalidKey)
    },
  )

  test.each([
    ['letters', 'a'],
    ['dots', '.'],
    ['colons', ':'],
    ['letters and dots', 'a.'],
  ])('refuse 10 KB of %s without repeating them', (_what, piece) => {
    const key = `agent:ops:${piece.repeat(10_240 / piece.length)}`
    expect(() => parseSessionKey(key)).toThrow(expect.objectContaining({ message: expect.not.stringContaining(piece.repeat(20)) }))
  })

  test('are built from parts, and come apart into the same ones', () => {
    fc.assert(
      fc.property(agentIds, sessionIds, (agentId, sessionId) => {
        const parts = sessionKeyParts(sessionKey(agentId, sessionId))
        expect(parts).toEqual({ agentId: agentId.toLowerCase(), sessionId: sessionId.toLowerCase() })
      }),
    )
  })

  test('that were parsed parse to themselves', () => {
    fc.assert(
      fc.property(agentIds, sessionIds, (agentId, sessionId) => {
        const key = parseSessionKey(`Agent:${agentId}:${sessionId}`)
        expect(parseSessionKey(key)).toBe(key)
      }),
    )
  })

  test('never hold a path, a capital or anything but ASCII, whatever came', () => {
    const pieces = fc.constantFrom('ops', 'A', 'K', ':', '.', '..', '/', '\\', '\0', '\u212a', '\u0131', '@', '=', '-')
    const anyUnit = fc.integer({ min: 0, max: 0xffff }).map((code) => String.fromCharCode(code))
    const noise = fc.oneof(
      fc.string({ unit: anyUnit, maxLength: 20 }),
      fc.array(pieces, { maxLength: 6 }).map((some) => some.join('')),
    )
    fc.assert(
      fc.property(agentIds, noise, (agentId, session) => {
        const key = accepted(parseSessionKey, `agent:${agentId}:${session}`)
        return key === undefined || (/^agent:[a-z0-9][a-z0-9_-]*:[a-z0-9_.:@+=-]+$/.test(key) && !/\.\.|::/.test(key))
      }),
    )
  })

  // `sessionKey('ops:x', 'main')` is the key of agent `ops`, session `x:main`.
  test('cannot be built from an agent id that holds a colon', () => {
    expect(() => sessionKey('ops:x', 'main')).toThrow(invalidKey)
  })

  test('of look-alike agents stay apart', () => {
    const keys = ['ops', 'op5', 'o_ps', 'o-ps'].map((agentId) => sessionKey(agentId, 'main'))
    expect(new Set<SessionKey>(keys).size).toBe(4)
  })
})

describe.each([
  ['agent', parseAgentId],
  ['tenant', parseTenantId],
  ['node', parseNodeId],
])('the id of an %s', (kind, parse) => {
  test('is lower-cased, and parses to itself then', () => {
    fc.assert(
      fc.property(agentIds, (value) => {
        expect(parse(value)).toBe(value.toLowerCase())
        expect(parse(parse(value))).toBe(parse(value))
      }),
    )
  })

  test('may be 64 characters long and no longer', () => {
    expect(parse('a'.repeat(64))).toHaveLength(64)
    expect(() => parse('a'.repeat(65))).toThrow(invalidId)
  })

  test.each(['', '-a', '_a', 'a b', 'a.b', 'a:b', 'a/b', '..', 'a\n', 'a\0', '\u212a', 'ma\u0131n', '\uff41', 7, null, undefined, ['ops']])(
    'is not %j, and the error names the kind',
    (value) => {
      expect(() => parse(value)).toThrow(expect.objectContaining({ code: 'invalid-id', details: { kind } }))
    },
  )

  test('is refused without being repeated', () => {
    const secret = 'sk-live-0123456789 '
    expect(() => parse(secret)).toThrow(expect.objectContaining({ message: expect.not.stringContaining('0123456789') }))
  })
})

describe('a run id', () => {
  test('keeps its case and takes every printable ASCII character', () => {
    const printable = Array.from({ length: 0x7e - 0x21 + 1 }, (_, index) => String.fromCharCode(0x21 + index)).join('')
    expect(parseRunId(printable)).toBe(printable)
  })

  test('may be 256 characters long and no longer', () => {
    expect(parseRunId('r'.repeat(256))).toHaveLength(256)
    expect(() => parseRunId('r'.repeat(257))).toThrow(invalidId)
  })

  test.each(['', ' ', 'a b', 'a\n', 'a\0', '\u007f', 'é', '\u212a', '\ud83d\ude00', 1, null, {}])('is not %j', (value) => {
    expect(() => parseRunId(value)).toThrow(invalidId)
  })
})
