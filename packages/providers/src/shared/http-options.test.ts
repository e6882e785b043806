import { BeamClawError } from '@beamclaw/core'
import { describe, expect, it } from 'vitest'
import { AnthropicProvider } from '../anthropic/anthropic-provider.ts'
import { OpenAiProvider } from '../openai/openai-provider.ts'
import { Redactor } from './redactor.ts'
import { isStrictSchema } from './strict-schema.ts'

const secret = 'sk-very-secret-0123456789'

describe.each([
  ['OpenAiProvider', OpenAiProvider],
  ['AnthropicProvider', AnthropicProvider],
] as const)('options of %s', (name, Provider) => {
  it.each([
    ['apiKey', `${secret}\n`],
    ['apiKey', ''],
    ['baseUrl', `https://user:${secret}@example.com/v1`],
    ['baseUrl', `https://example.com/v1?key=${secret}`],
    ['baseUrl', 'file:///etc/passwd'],
    ['baseUrl', 'nonsense'],
    ['headers', { 'x-key': `${secret}\r\n` }],
    ['headers', { 'bad name': 'x' }],
    ['headers', { 'content-length': '1' }],
    ['headers', { 'Transfer-Encoding': 'chunked' }],
    ['headers', { Host: 'elsewhere.example' }],
    ['headers', { Connection: 'close' }],
    ['fetch', 'fetch'],
    ['connectTimeoutMs', 0],
    ['firstByteTimeoutMs', Number.NaN],
    ['idleTimeoutMs', 3_000_000_000],
    ['totalTimeoutMs', '5'],
    ['maxResponseBytes', 0.5],
    ['maxEventBytes', -1],
    ['clock', { now: () => 0 }],
    ['apikey', secret],
    ['ids', {}],
  ])('refuses %s without showing it', (option, value) => {
    let error: unknown
    try {
      new Provider({ apiKey: 'sk-given', [option]: value } as never)
    } catch (thrown) {
      error = thrown
    }
    if (!BeamClawError.isInstance(error, 'invalid-option')) throw new Error(`${name} took ${option}`)
    expect(error.message).toContain(`"${option}`.slice(0, 6))
    expect(error.message + JSON.stringify(error.details)).not.toContain(secret)
  })

  it('takes no options and sensible ones', () => {
    new Provider({ apiKey: secret })
    new Provider({ apiKey: secret, baseUrl: 'http://localhost:11434/v1/', headers: { 'X-Team': 'ops ü' }, totalTimeoutMs: 5000 })
  })
})

describe('Redactor', () => {
  it('removes secrets, tokens of others, controls and length', () => {
    const redactor = new Redactor([secret, '', 'abc'])
    expect(redactor.clean(`key ${secret} abc`)).toBe('key [redacted] abc')
    expect(redactor.clean('Incorrect key sk-proj-abcdefgh12 or Bearer abcdef.ghi-jkl')).not.toMatch(/abcdef/)
    expect(redactor.clean('see https://me:pass@host/x')).toBe('see https:[redacted]host/x')
    expect(redactor.clean('a\r\n\u0000b')).toBe('a b')
    expect(redactor.clean('x'.repeat(1000), 10)).toBe('xxxxxxxxxx…')
    expect(redactor.clean(`${'x'.repeat(395)}${secret}`)).not.toContain('sk-ve')
  })

  it('removes the whole of a secret that begins with another one', () => {
    const short = 'a1b2c3d4'
    for (const secrets of [
      [short, `${short}-and-more`],
      [`${short}-and-more`, short],
    ]) {
      expect(new Redactor(secrets).clean(`key ${short}-and-more, ${short}`)).toBe('key [redacted], [redacted]')
    }
  })
})

describe('isStrictSchema', () => {
  it('knows schemas that leave no room', () => {
    const strict = { type: 'object', properties: { a: { type: 'string' } }, required: ['a'], additionalProperties: false }
    expect(isStrictSchema(strict)).toBe(true)
    expect(isStrictSchema({ ...strict, required: [] })).toBe(false)
    expect(isStrictSchema({ type: 'array', items: { ...strict, additionalProperties: true } })).toBe(false)
    expect(isStrictSchema({ anyOf: [strict, { type: 'null' }] })).toBe(true)
  })
})
