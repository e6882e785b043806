import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { BeamClawError } from './errors.ts'
import {
  aBoolean,
  aFunction,
  anArray,
  anObject,
  anything,
  checkOptions,
  describeValue,
  duration,
  either,
  integer,
  maxTimerMs,
  nearestName,
  type OptionRules,
  oneOf,
  text,
} from './options.ts'

interface Options {
  readonly maxSize?: number
  readonly waitMs?: number | 'never'
  readonly apiKey?: string
  readonly mode?: 'fast' | 'safe'
  readonly onEnd?: () => void
  readonly isOpen?: boolean
  readonly headers?: object
  readonly names?: readonly string[]
}

const rules: OptionRules<Options> = {
  maxSize: integer(1, 100),
  waitMs: either(duration(5), oneOf('never')),
  apiKey: text(8),
  mode: oneOf('fast', 'safe'),
  onEnd: aFunction,
  isOpen: aBoolean,
  headers: anObject,
  names: anArray,
}

function failureOf(options: unknown, required: readonly (keyof Options)[] = []): BeamClawError | undefined {
  try {
    checkOptions<Options>('Thing', options as Options, rules, required)
  } catch (error) {
    if (BeamClawError.isInstance(error, 'invalid-option')) return error
    throw error
  }
}

const thrower = (): never => {
  throw new Error('read')
}

function revokedProxy(): object {
  const { proxy, revoke } = Proxy.revocable([], {})
  revoke()
  return proxy
}

describe('options that are right', () => {
  test('pass, and so does leaving them out', () => {
    const all = { maxSize: 1, waitMs: 5, apiKey: '8 chars!', mode: 'safe', onEnd: () => {}, isOpen: false, headers: {}, names: [] }
    expect(failureOf(all, ['apiKey'])).toBeUndefined()
    expect(failureOf({})).toBeUndefined()
  })

  test('may be undefined where they may be left out', () => {
    expect(failureOf({ maxSize: undefined, mode: undefined })).toBeUndefined()
  })

  test.each([
    { maxSize: 100 },
    { waitMs: 'never' },
    { waitMs: maxTimerMs },
    { onEnd: async () => {} },
    { onEnd: class {} },
    { headers: new Map() },
  ])('pass at the edge of their rule: %o', (options) => {
    expect(failureOf(options)).toBeUndefined()
  })
})

describe('an option that is wrong', () => {
  test.each([
    ['maxSize', 0, 'a whole number from 1 to 100', '0'],
    ['maxSize', 101, 'a whole number from 1 to 100', '101'],
    ['maxSize', 1.5, 'a whole number from 1 to 100', '1.5'],
    ['maxSize', Number.NaN, 'a whole number from 1 to 100', 'NaN'],
    ['maxSize', Number.POSITIVE_INFINITY, 'a whole number from 1 to 100', 'Infinity'],
    ['maxSize', 5n, 'a whole number from 1 to 100', '5'],
    ['maxSize', '5', 'a whole number from 1 to 100', 'a string of 1 character'],
    ['maxSize', null, 'a whole number from 1 to 100', 'null'],
    ['waitMs', 4, 'whole milliseconds from 5 to 2147483647, or one of "never"', '4'],
    ['waitMs', maxTimerMs + 1, 'whole milliseconds from 5 to 2147483647, or one of "never"', '2147483648'],
    ['waitMs', Number.NEGATIVE_INFINITY, 'whole milliseconds from 5 to 2147483647, or one of "never"', '-Infinity'],
    ['apiKey', '', 'a string of 1 to 8 characters', 'an empty string'],
    ['apiKey', 'nine chars', 'a string of 1 to 8 characters', 'a string of 10 characters'],
    ['mode', 'Fast', 'one of "fast", "safe"', 'a string of 4 characters'],
    ['onEnd', {}, 'a function', 'an object'],
    ['isOpen', 1, 'true or false', '1'],
    ['headers', [], 'an object', 'an array of 0'],
    ['headers', null, 'an object', 'null'],
    ['headers', () => {}, 'an object', 'a function'],
    ['names', { length: 1 }, 'an array', 'an object'],
    ['names', Symbol('names'), 'an array', 'a symbol'],
  ])('names itself, what was expected and what came: %s %s', (option, value, expected, received) => {
    const failure = failureOf({ [option]: value })
    expect(failure?.details).toEqual({ owner: 'Thing', option, expected, received })
    expect(failure?.message).toBe(`Thing: option "${option}" must be ${expected}, received ${received}`)
  })

  test('never shows what may be a secret', () => {
    const secret = 'sk-live-0123456789'
    const shapes = fc.constantFrom<unknown>(secret, { secret }, [secret], new Map([[secret, secret]]), () => secret, Symbol(secret))
    fc.assert(
      fc.property(fc.constantFrom(...Object.keys(rules)), shapes, (option, value) => {
        const failure = failureOf({ [option]: value })
        expect(`${failure?.message} ${JSON.stringify(failure?.details)} ${failure?.stack}`).not.toContain('0123456789')
      }),
    )
  })

  test('is missing although it is required', () => {
    expect(failureOf({}, ['apiKey'])?.details).toMatchObject({ option: 'apiKey', received: 'undefined' })
    expect(failureOf({ apiKey: undefined }, ['apiKey'])?.details).toMatchObject({ option: 'apiKey' })
    expect(failureOf({}, ['apiKey'])?.message).toBe('Thing: option "apiKey" is required: a string of 1 to 8 characters')
    // The name that was meant is the better hint.
    expect(failureOf({ apikey: 'x' }, ['apiKey'])?.message).toBe('Thing: unknown option "apikey"; did you mean "apiKey"?')
  })

  test.each([
    ['a getter that throws', Object.defineProperty({}, 'maxSize', { get: thrower, enumerable: true }), 'maxSize'],
    ['a proxy that throws', new Proxy({ maxSize: 1 }, { get: thrower }), 'maxSize'],
    ['a proxy whose keys cannot be listed', new Proxy({}, { ownKeys: thrower }), 'options'],
    ['a value that throws when a rule looks at it', { names: revokedProxy() }, 'names'],
  ])('is typed when it cannot be read: %s', (_what, options, option) => {
    const failure = failureOf(options)
    expect(failure?.message).toMatch(new RegExp(`^Thing: option "${option}" cannot be read: .*\\. Pass a plain value\\.$`))
    expect(failure?.details).toEqual({ owner: 'Thing', option })
  })

  test.each([null, undefined, 7, 'maxSize', [], () => {}])('is all of them when there is no object: %s', (options) => {
    expect(failureOf(options)?.details).toMatchObject({ option: 'options', expected: 'an object' })
  })
})

describe('an option that nobody knows', () => {
  test.each([
    ['maxSzie', 'maxSize'],
    ['maxsize', 'maxSize'],
    ['MODE', 'mode'],
    ['apikey', 'apiKey'],
    ['onEnds', 'onEnd'],
  ])('%s is taken for %s', (option, meant) => {
    expect(failureOf({ [option]: 1 })?.message).toContain(`did you mean "${meant}"?`)
  })

  test('is told all that are known when none is near', () => {
    expect(failureOf({ colour: 1 })?.message).toContain('known options are maxSize, waitMs, apiKey')
  })

  test.each(['__proto__', 'constructor', 'toString', 'hasOwnProperty'])('may be called %s', (option) => {
    expect(failureOf(JSON.parse(`{ "${option}": 1 }`))?.details).toMatchObject({ option })
  })

  test('is refused even when it is undefined: its name is what is wrong', () => {
    expect(failureOf({ colour: undefined })?.details).toMatchObject({ option: 'colour' })
  })

  test('is cut short when its name is very long', () => {
    expect(failureOf({ ['x'.repeat(10_000)]: 1 })?.message.length).toBeLessThan(250)
  })
})

describe('the nearest name', () => {
  test('is at most two edits away', () => {
    expect(nearestName('strategi', ['strategy'])).toBe('strategy')
    expect(nearestName('stratgi', ['strategy'])).toBe('strategy')
    expect(nearestName('stragi', ['strategy'])).toBeUndefined()
  })

  test('is the nearest of several', () => {
    expect(nearestName('maxSizes', ['maxBytes', 'maxSize'])).toBe('maxSize')
  })

  test('of a name that is known is that name', () => {
    fc.assert(fc.property(fc.constantFrom(...Object.keys(rules)), (name) => nearestName(name, Object.keys(rules)) === name))
  })
})

describe('a rule', () => {
  test('takes exactly the whole numbers of its range', () => {
    fc.assert(
      fc.property(fc.double(), (value) => {
        const isInside = Number.isInteger(value) && value >= -3 && value <= 3
        expect(integer(-3, 3)(value) === undefined).toBe(isInside)
      }),
    )
  })

  test('without an upper end says so', () => {
    expect(integer(0)(-1)).toBe('a whole number of at least 0')
    expect(integer(0)(Number.MAX_SAFE_INTEGER + 1)).toBeDefined()
  })

  test('that takes anything takes anything', () => {
    expect(anything(Symbol('x'))).toBeUndefined()
  })
})

describe('a description', () => {
  test('is one short line, whatever the value', () => {
    fc.assert(
      fc.property(fc.anything({ withBigInt: false, withMap: true, withSet: true }), (value) => {
        const described = describeValue(value)
        expect(described).not.toContain('\n')
        expect(described.length).toBeLessThan(40)
      }),
    )
  })
})
