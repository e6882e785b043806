import { describe, expect, it } from 'vitest'
import { Redactor, secretsIn } from './redactor.ts'

describe('a secret is not shown', () => {
  const secret = 'tök/en+0123 45"67'
  it.each([
    ['as it is', secret],
    ['in an address', encodeURIComponent(secret)],
    ['in JSON', JSON.stringify(secret).slice(1, -1)],
    ['in credentials', btoa(String.fromCharCode(...new TextEncoder().encode(secret)))],
  ])('%s', (_, form) => {
    expect(new Redactor([secret]).clean(`refused ${form}.`)).toMatch(/^refused \[redacted\]=*\.$/)
  })

  it('without the scheme that stands before it in a header', () => {
    expect(new Redactor(['Bearer tok_0123456789']).clean('no tok_0123456789 here')).toBe('no [redacted] here')
    expect(new Redactor(['Bearer tok_0123456789']).clean('send a Bearer token')).toBe('send a Bearer token')
    expect(new Redactor(['Token  abc-def-ghi']).clean('no abc-def-ghi here')).toBe('no [redacted] here')
  })
})

describe('the secrets of a body', () => {
  it('are the texts below names that say so, and no others', () => {
    const servers = [{ url: 'https://mcp.test', authorization_token: 'mcp-0123456789' }]
    expect(secretsIn({ user: 'me', mcp_servers: servers, api_keys: { one: ['first-key'], n: 7 }, metadata: { note: 'plain' } })).toEqual([
      'mcp-0123456789',
      'first-key',
    ])
  })

  it('of any depth and shape throw nothing', () => {
    let deep: object = { token: 'deep-0123456789' }
    for (let level = 0; level < 10_000; level++) deep = { deep }
    expect(secretsIn(deep)).toEqual([])
    expect(secretsIn(undefined)).toEqual([])
  })
})
