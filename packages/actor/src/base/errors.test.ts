import { describe, expect, test } from 'vitest'
import * as first from './errors.ts'
import { BeamClawError, ChildStartError, defineErrors, describeError, MailboxFullError } from './errors.ts'

// Another copy of the same module, as two versions of this package in one process would be.
const second = (await import(/* @vite-ignore */ `${new URL('./errors.ts', import.meta.url).href}?copy`)) as typeof first

describe('an error', () => {
  test('says what happened by its code, and why by its cause', () => {
    const cause = new Error('disk on fire')
    const error = new BeamClawError('actor-crashed', 'the disk is gone', { cause, details: { path: '/data' } })
    expect(error).toMatchObject({ code: 'actor-crashed', name: 'BeamClawError', cause, details: { path: '/data' } })
  })

  test('without a cause has none, not an undefined one', () => {
    expect('cause' in new BeamClawError('internal', 'no cause')).toBe(false)
  })

  test('keeps a cause that is not an error', () => {
    expect(new BeamClawError('internal', 'thrown null', { cause: null }).cause).toBeNull()
  })

  test('knows whether the same call may succeed later', () => {
    expect(new BeamClawError('overloaded', '').isRetryable).toBe(true)
    expect(new BeamClawError('invalid-option', '').isRetryable).toBe(false)
  })

  test('may know better than the table', () => {
    expect(new BeamClawError('actor-crashed', '', { isRetryable: true }).isRetryable).toBe(true)
    expect(new BeamClawError('overloaded', '', { isRetryable: false }).isRetryable).toBe(false)
  })

  test('says what kind of failure it is, and a single one may be of another kind', () => {
    expect(new BeamClawError('child-not-found', '').kind).toBe('missing')
    expect(new BeamClawError('internal', '', { kind: 'gone' }).kind).toBe('gone')
  })

  test('that stands for another one has its code and traits', () => {
    const first = defineErrors({ 'bank-closed': { kind: 'unavailable', isRetryable: true } })('bank-closed', 'It opens at eight')
    const second = new BeamClawError(first, 'Two banks are closed', { cause: first })
    expect(second).toMatchObject({ code: 'bank-closed', kind: 'unavailable', isRetryable: true, message: 'Two banks are closed' })
  })

  test('has details even when it was given none', () => {
    expect(new BeamClawError('internal', '').details).toEqual({})
    expect(new BeamClawError('internal', '').retryAfterMs).toBeUndefined()
  })

  test('shows its own name and where it was made', () => {
    expect(new MailboxFullError('full', 20, {}).stack).toMatch(/^MailboxFullError: full\n.*errors\.test/s)
  })
})

describe('a full mailbox', () => {
  test('is overloaded, and says when to come back', () => {
    expect(new MailboxFullError('full', 250, { size: 3 })).toMatchObject({ code: 'overloaded', retryAfterMs: 250, details: { size: 3 } })
  })
})

describe('a child that did not start', () => {
  test('is named, with what it threw', () => {
    const cause = new Error('no database')
    const error = new ChildStartError('db', cause)
    expect(error).toMatchObject({ code: 'child-start-failed', childId: 'db', cause, details: { childId: 'db' } })
    expect(error.message).toContain('no database')
  })
})

describe('isInstance', () => {
  test('knows an error of any class of this copy, by code if asked', () => {
    const error: unknown = new MailboxFullError('full', 20, {})
    expect(BeamClawError.isInstance(error)).toBe(true)
    expect(BeamClawError.isInstance(error, 'overloaded')).toBe(true)
    expect(BeamClawError.isInstance(error, 'call-timeout')).toBe(false)
  })

  test('knows an error of another copy, which instanceof does not', () => {
    const foreign: unknown = new second.BeamClawError('already-registered', 'from the other copy')
    expect(second.BeamClawError).not.toBe(first.BeamClawError)
    expect(foreign instanceof BeamClawError).toBe(false)
    expect(BeamClawError.isInstance(foreign, 'already-registered')).toBe(true)
    expect(second.BeamClawError.isInstance(new BeamClawError('already-registered', ''), 'already-registered')).toBe(true)
  })

  test.each([
    undefined,
    null,
    'already-registered',
    7,
    new Error('already-registered'),
    { code: 'already-registered' },
    Object.assign(new Error(''), { code: 'already-registered' }),
  ])('is not fooled by %s', (value) => {
    expect(BeamClawError.isInstance(value, 'already-registered')).toBe(false)
  })
})

describe('one line about what was thrown', () => {
  test.each([
    [new Error('disk on fire'), 'disk on fire'],
    [new TypeError(''), 'TypeError'],
    ['just a string', 'just a string'],
    [null, 'a thrown null'],
    [undefined, 'a thrown undefined'],
    [{ message: 'looks like one' }, 'a thrown object'],
    [7, 'a thrown number'],
  ])('of %s is %s', (thrown, line) => {
    expect(describeError(thrown)).toBe(line)
  })

  test('is never thrown, whatever the message is', () => {
    const hidden = Object.defineProperty(new Error('x'), 'message', {
      get: () => {
        throw new Error('do not look')
      },
    })
    expect(describeError(hidden)).toBe('an error that cannot be read')
    expect(describeError(Object.assign(new Error('x'), { message: Symbol('odd') }))).toBe('Symbol(odd)')
  })
})

describe('codes of a package', () => {
  const paymentError = defineErrors({ 'card-declined': { kind: 'caller' }, 'bank-closed': { kind: 'unavailable', isRetryable: true } })

  test('have the traits of their table, which a single error may override', () => {
    expect(paymentError('card-declined', 'No')).toMatchObject({ code: 'card-declined', kind: 'caller', isRetryable: false, message: 'No' })
    expect(paymentError('bank-closed', 'No', { retryAfterMs: 5 })).toMatchObject({ isRetryable: true, retryAfterMs: 5 })
    expect(paymentError('bank-closed', 'No', { isRetryable: false, kind: 'gone' })).toMatchObject({ isRetryable: false, kind: 'gone' })
  })

  test('are told apart like those of actors', () => {
    const error: unknown = paymentError('card-declined', 'No')
    expect([BeamClawError.isInstance(error, 'card-declined'), BeamClawError.isInstance(error, 'bank-closed')]).toEqual([true, false])
  })
})
