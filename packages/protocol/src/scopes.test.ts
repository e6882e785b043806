import { describe, expect, test } from 'vitest'
import { hasScope, heldScopes, isOperatorScope, operatorScopes } from './scopes.ts'

describe('a connection holds', () => {
  test.each([
    [[], []],
    [['operator.read'], ['operator.read']],
    [['operator.write'], ['operator.read', 'operator.talk', 'operator.write']],
    [['operator.approvals', 'of-nobody', 'constructor'], ['operator.approvals']],
    [['operator.admin'], Object.keys(operatorScopes).toSorted()],
  ])('by %j the scopes %j', (granted, held) => {
    expect([...heldScopes(granted)].toSorted()).toEqual(held)
  })

  test('what is implied by something implied, also in a circle', () => {
    const table = { ...operatorScopes, c: { impliedBy: ['b'] }, b: { impliedBy: ['a', 'c'] }, a: { impliedBy: ['operator.read'] } }
    expect(hasScope(['operator.write'], 'c', table)).toBe(true)
    expect([...heldScopes(['c'], table)].toSorted()).toEqual(['b', 'c'])
    expect(hasScope(['operator.admin'], 'a', table)).toBe(true)
  })
})

test('the names of objects are no scopes', () => {
  expect(isOperatorScope('operator.read')).toBe(true)
  expect(isOperatorScope('toString')).toBe(false)
  expect(hasScope(['toString'], 'toString')).toBe(false)
})
