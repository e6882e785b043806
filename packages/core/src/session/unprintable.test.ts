/** A value that cannot be turned into text, in each place whose error shows what it received. */
import { describe, expect, test } from 'vitest'
import { sessionKey } from '../base/ids.ts'
import { FunctionModel, stage } from '../testing/model.ts'
import { describeIssues } from '../tool/standard-schema.ts'
import { toToolContent } from '../tool/tool-output.ts'
import { recordKind } from './journal/record-families.ts'
import { checkedSnapshot } from './journal/session-snapshot.ts'

/** As JSON can hold it: `String(unprintable)` throws. */
const unprintable = JSON.parse('{"toString":1,"valueOf":1}') as never

const codeOf = (call: () => unknown): unknown => {
  try {
    return call()
  } catch (error) {
    return (error as { readonly code?: unknown }).code
  }
}

describe('a value that is no text is refused with a typed error', () => {
  test('as the version of an import', async () => {
    const { claw } = await stage(new FunctionModel(() => ({ text: 'fine' })))
    const given = JSON.parse('{"version":{"toString":1,"valueOf":1},"messages":[]}') as never
    const refused = { code: 'invalid-message', message: 'import: an export of version an object cannot be read by this version' }
    await expect(claw.session('agent:main:main').import(given)).rejects.toMatchObject(refused)
    claw.kill()
  })

  test.each<[string, () => unknown, string]>([
    ['the version of a snapshot', () => checkedSnapshot({ version: unprintable }), 'log-corrupt'],
    ['the type of a record', () => recordKind({ type: unprintable } as never), 'log-corrupt'],
    ['the agent of a session key', () => sessionKey(unprintable, 'a'), 'invalid-session-key'],
    ['the id of a session key', () => sessionKey('main', unprintable), 'invalid-session-key'],
  ])('as %s', (_, call, code) => {
    expect(codeOf(call)).toBe(code)
  })
})

test('a path of an issue may hold anything', () => {
  const path = ['a', 0, Symbol('s'), unprintable, { key: unprintable }, { key: 'b' }]
  expect(describeIssues([{ message: 'wrong', path }])).toBe('a.0.Symbol(s).an object.an object.b: wrong')
})

test('an error that a tool returns may have anything as its message', () => {
  const error = Object.assign(new Error('x'), { message: unprintable })
  expect(toToolContent(error).content).toBe('{"name":"Error","message":"an object"}')
})
