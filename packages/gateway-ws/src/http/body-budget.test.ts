import { expect, test } from 'vitest'
import { BodyBudget } from './body-budget.ts'

test('has room again once a request has ended, and gives nothing back twice', () => {
  const budget = new BodyBudget(100)
  const first = budget.take(60)
  expect(budget.take(50)).toBeUndefined()
  const second = budget.take(40)
  first?.()
  first?.()
  expect(budget.take(61)).toBeUndefined()
  expect(budget.take(60)).toBeDefined()
  second?.()
})

test('takes one body alone, however long', () => {
  const budget = new BodyBudget(10)
  const release = budget.take(50)
  expect(release).toBeDefined()
  expect(budget.take(1)).toBeUndefined()
  release?.()
  expect(budget.take(1)).toBeDefined()
})
