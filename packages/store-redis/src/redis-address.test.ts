import { describe, expect, test } from 'vitest'
import { primaryAddress } from './redis-address.ts'
import { RedisStore } from './redis-store.ts'

describe('an address', () => {
  test('of Sentinels names them, the primary, the database and the login', () => {
    expect(primaryAddress('redis+sentinel://me:p%40ss@a:1,b,[::1]:26380/ours/2')).toEqual({
      kind: 'sentinel',
      asked: [
        { host: 'a', port: 1 },
        { host: 'b', port: 26_379 },
        { host: '::1', port: 26_380 },
      ],
      name: 'ours',
      database: 2,
      isTls: false,
      username: 'me',
      password: 'p@ss',
    })
  })

  test('of a Redis Cluster names some of its servers', () => {
    expect(primaryAddress('rediss+cluster://:secret@a:7000,b')).toEqual({
      kind: 'cluster',
      asked: [
        { host: 'a', port: 7_000 },
        { host: 'b', port: 6_379 },
      ],
      name: '',
      database: 0,
      isTls: true,
      password: 'secret',
    })
  })

  test.each([
    'redis+sentinel://a:1',
    'redis+sentinel://a:1/',
    'redis+sentinel:///ours',
    'redis+sentinel://a:1,/ours',
    'redis+sentinel://a:0/ours',
    'redis+sentinel://a:70000/ours',
    'redis+sentinel://a:1/ours/x',
    'redis+sentinel://a:1/ours/0/1',
    'redis+sentinel://%zz:%zz@a:1/ours',
    'redis+cluster://a:1/3',
    'redis+cluster://',
    'redis+other://a:1/ours',
    'redis+sentinel://a b:1/ours',
  ])('such as %s is refused', (url) => {
    expect(primaryAddress(url)).toBeUndefined()
    expect(() => new RedisStore({ url })).toThrow(expect.objectContaining({ code: 'invalid-option' }))
  })

  test('without Sentinels has no login of theirs', () => {
    const make = (): unknown => new RedisStore({ url: 'redis://a', sentinelPassword: 'secret' })
    expect(make).toThrow('redis+sentinel://')
    expect(make).not.toThrow('secret')
  })
})
