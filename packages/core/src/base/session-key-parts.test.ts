import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { parseSessionKey } from './ids.ts'
import { sessionKeyOf, sessionKeyPartsOf } from './session-key-parts.ts'

const invalidKey = expect.objectContaining({ code: 'invalid-session-key' })

const agentIds = fc.stringMatching(/^[a-z0-9][a-z0-9_-]{0,20}$/)
// Any code units, halves of pairs and look-alikes included, and what is likely to be taken for the code itself.
const texts = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 20 }),
  fc.string({ unit: fc.constantFrom('=', ':', '.', 'A', 'a', '4', '1', '/', '\ud800', 'K', 'İ'), maxLength: 12 }),
  fc.string({ unit: fc.nat(0xffff).map((code) => String.fromCharCode(code)), maxLength: 12 }),
)
const partLists = fc.array(texts, { minLength: 1, maxLength: 4 }).map((parts) => parts as [string, ...string[]])

describe('a session key of parts', () => {
  test('keeps plain ids readable', () => {
    expect(sessionKeyOf('Main', 'ann@example.com', 'thread-7')).toBe('agent:main:ann@example.com:thread-7')
    expect(sessionKeyOf('main', 'user_Ab')).toBe('agent:main:user_=41b')
    expect(sessionKeyOf('main', '', '.a..b.', 'a:b', 'ä中')).toBe('agent:main:=:=2ea.=2eb=2e:a=3ab:=e4==4e2d')
  })

  test('gives two users whose ids differ in case alone two sessions', () => {
    expect(sessionKeyOf('main', 'user_Ab')).not.toBe(sessionKeyOf('main', 'user_aB'))
    expect(parseSessionKey('agent:main:user_Ab')).toBe(parseSessionKey('agent:main:user_aB'))
  })

  test('is read back to the parts it was made from, whatever they hold', () => {
    fc.assert(
      fc.property(agentIds, partLists, (agentId, parts) => {
        expect(sessionKeyPartsOf(sessionKeyOf(agentId, ...parts))).toEqual([agentId, ...parts])
      }),
      { numRuns: 1_000 },
    )
  })

  test('is a session key already, which nothing folds', () => {
    fc.assert(
      fc.property(agentIds, partLists, (agentId, parts) => {
        const key = sessionKeyOf(agentId, ...parts)
        expect(key.toLowerCase()).toBe(key)
        expect(parseSessionKey(key)).toBe(key)
        expect(key).toMatch(/^[a-z0-9_.:@+=-]{1,512}$/)
      }),
      { numRuns: 1_000 },
    )
  })

  test('is another one for other parts, also after lower-casing', () => {
    fc.assert(
      fc.property(partLists, partLists, (some, others) => {
        fc.pre(JSON.stringify(some) !== JSON.stringify(others))
        expect(sessionKeyOf('a', ...some).toLowerCase()).not.toBe(sessionKeyOf('a', ...others).toLowerCase())
      }),
      { numRuns: 1_000 },
    )
  })

  test('has 512 characters and no more; the error tells the limit', () => {
    expect(sessionKeyOf('main', 'x'.repeat(501))).toHaveLength(512)
    for (const part of ['x'.repeat(502), 'X'.repeat(168), '中'.repeat(1_000_000)]) {
      expect(() => sessionKeyOf('main', part)).toThrow(
        expect.objectContaining({
          code: 'invalid-session-key',
          message: expect.stringContaining('512'),
          details: expect.objectContaining({ limit: 512 }),
        }),
      )
    }
  })

  test.each([undefined, null, 7, {}])('refuses %s as a part, which may be an id that is missing', (part) => {
    expect(() => sessionKeyOf('main', 'ann', part as never)).toThrow(invalidKey)
    expect(() => sessionKeyOf('main', ...([] as never as [string]))).toThrow(invalidKey)
  })

  test.each(['agent:main:user_Ab', 'agent:main:a=61', 'agent:main:a=', 'agent:main:a=zz', 'agent:main:==0041', 'main'])(
    'is not read from %s, which is no such key',
    (key) => {
      expect(() => sessionKeyPartsOf(key)).toThrow(invalidKey)
    },
  )

  test('reads plain keys of lower case, as they stand for themselves', () => {
    expect(sessionKeyPartsOf('agent:main:telegram:group:-100123')).toEqual(['main', 'telegram', 'group', '-100123'])
  })
})
