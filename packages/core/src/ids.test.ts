import { describe, expect, test } from 'vitest'
import { parseSessionKey } from './ids.ts'

describe('session keys', () => {
  test('are lower-cased once', () => {
    expect(parseSessionKey('AGENT:Ops:Main')).toBe('agent:ops:main')
  })
})
