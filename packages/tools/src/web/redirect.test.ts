import { describe, expect, it } from 'vitest'
import { nextHop } from './redirect.ts'

const headers = { authorization: 'Bearer secret', cookie: 'a=b', 'x-api-key': 'secret', accept: 'text/html' }
const hop = (from: string, to: string) => nextHop({ url: new URL(from), method: 'GET', headers, body: undefined }, new URL(to), 302).headers

describe('the headers of a caller', () => {
  it.each([
    ['another port', 'https://a.test/x', 'https://a.test:8443/x'],
    ['another scheme', 'https://a.test/x', 'http://a.test/x'],
    ['another scheme on one port', 'https://a.test:8443/x', 'http://a.test:8443/x'],
    ['another host', 'https://a.test/x', 'https://b.test/x'],
    ['a host below', 'https://a.test/x', 'https://b.a.test/x'],
  ])('do not go to %s', (_, from, to) => expect(hop(from, to)).toEqual({ accept: 'text/html' }))

  it('stay within their origin', () => expect(hop('https://a.test/x', 'https://a.test:443/y')).toEqual(headers))
})
