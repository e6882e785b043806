import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { parseAgentId, parseSessionKey, parseTenantId } from '../base/ids.ts'
import { approvalId, expiryOf } from './approval-id.ts'
import { type AskedCall, askModeOf } from './ask-mode.ts'
import { covers, exactly, isCovered } from './grant-match.ts'
import { shownText } from './shown-text.ts'

describe('the text that a person sees', () => {
  test.each([
    ['rm -rf /\u202e # txt.', 'rm -rf /\\u{202e} # txt.'],
    ['a\u200bb\u00adc\ufeff', 'a\\u{200b}b\\u{ad}c\\u{feff}'],
    ['x\u001b[2Ky\u0007', 'x\\u{1b}[2Ky\\u{7}'],
    ['line\nnext\ttab\rback', 'line\nnext\ttab\\u{d}back'],
    ['\u{e0041}tag\ufe0f', '\\u{e0041}tag\\u{fe0f}'],
    ['no\u00a0break\u3000wide\u2028line', 'no\\u{a0}break\\u{3000}wide\\u{2028}line'],
    ['\ud800 half', '\\u{d800} half'],
  ])('%j is shown as %j', (given, shown) => {
    expect(shownText(given)).toBe(shown)
  })

  test('has no hidden character left, whatever it was made from', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(shownText(text)).not.toMatch(/[\p{Cf}\p{Co}\p{Cs}\p{Zl}\p{Zp}]|[^\P{Cc}\n\t]/u)
      }),
    )
  })
})

describe('a grant', () => {
  const words = fc.array(fc.constantFrom('status', '*', '**', '\\*', '\\', '-rf', '', 'a b'), { maxLength: 4 })

  test('of exact arguments covers them and nothing else', () => {
    fc.assert(
      fc.property(words, words, (granted, asked) => {
        const grant = { subject: 'exec:/bin/x', args: granted.map(exactly) }
        expect(covers(grant, { subject: 'exec:/bin/x', args: asked })).toBe(JSON.stringify(granted) === JSON.stringify(asked))
        expect(covers(grant, { subject: 'exec:/bin/X', args: granted })).toBe(false)
      }),
    )
  })

  test.each([
    [['status', '**'], ['status'], true],
    [['status', '**'], ['status', '-s', 'x'], true],
    [['status', '**'], ['push'], false],
    [['*', 'x'], ['y', 'x'], true],
    [['*'], [], false],
    [['*'], ['a', 'b'], false],
    [['**', 'x'], ['a', 'x'], false],
    [['sta*'], ['status'], false],
  ])('of %j over %j: %j', (args, asked, isWanted) => {
    expect(covers({ subject: 's', args }, { subject: 's', args: asked })).toBe(isWanted)
  })

  test('reaches as far as its scope, and a call without permits is covered by none', () => {
    const origin = { sessionKey: parseSessionKey('agent:main:a'), agentId: parseAgentId('main') }
    const other = { sessionKey: parseSessionKey('agent:main:b'), agentId: parseAgentId('other') }
    const permits = [{ subject: 's', args: [] }]
    const base = { id: 'g', subject: 's', args: [], by: 'host', createdAt: 0 }
    const grants = {
      session: { ...base, scope: 'session' as const, sessionKey: origin.sessionKey },
      agent: { ...base, scope: 'agent' as const, agentId: origin.agentId },
    }
    for (const grant of Object.values(grants)) {
      expect(isCovered(permits, origin, [grant])).toBe(true)
      expect(isCovered(permits, other, [grant])).toBe(false)
      expect(isCovered([...permits, { subject: 't', args: [] }], origin, [grant])).toBe(false)
      expect(isCovered([], origin, [])).toBe(true)
      expect(isCovered(undefined, origin, [grant])).toBe(false)
    }
    expect(isCovered(permits, other, [{ ...base, scope: 'tenant' }])).toBe(true)
  })
})

describe('an ask mode', () => {
  const call: AskedCall = {
    tenant: parseTenantId('default'),
    sessionKey: parseSessionKey('agent:main:a'),
    agentId: parseAgentId('main'),
    toolName: 'x',
    input: {},
    risk: 'low',
  }

  test('is that of the first rule there is, and by the risk without one', () => {
    expect(askModeOf(call, [undefined, 'always', 'off'])).toBe('always')
    expect(askModeOf(call, [undefined, undefined, undefined])).toBe('off')
    expect(askModeOf({ ...call, risk: 'high' }, [])).toBe('onMiss')
    expect(askModeOf(call, [({ toolName }) => (toolName === 'x' ? 'onMiss' : 'off')])).toBe('onMiss')
  })

  test.each([
    () => 'yes',
    () => Promise.resolve('off'),
    () => undefined,
    () => {
      throw new Error('no')
    },
  ])('of a function that fails is always: %s', (rule) => {
    expect(askModeOf(call, [rule as never, 'off'])).toBe('always')
  })
})

test('an id tells its deadline, and sorts by it', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 4e12 }), fc.integer({ min: 0, max: 4e12 }), (a, b) => {
      expect(expiryOf(approvalId(a, 'approval-1'))).toBe(a)
      if (a < b) expect(approvalId(a, 'x') < approvalId(b, 'x')).toBe(true)
    }),
  )
  expect(expiryOf('../../etc')).toBeUndefined()
})
