import { describe, expect, test } from 'vitest'
import { primaryAddress, shownAddress } from './redis-address.ts'
import { RedisCluster } from './redis-cluster.ts'
import { RedisStore } from './redis-store.ts'

describe('an address', () => {
  test.each([
    ['redis://localhost', 'redis://localhost'],
    ['redis://me:s3@cr3t@host:1/2', 'redis://host:1/2'],
    ['rediss://:s3cr%2Ft@[::1]:6380', 'rediss://[::1]:6380'],
    ['redis+sentinel://me:s3cr3t@a,b/ours', 'redis+sentinel://a,b/ours'],
    ['unix:///run/redis.sock', 'unix:///run/redis.sock'],
  ])('%s is shown without its login', (url, shown) => {
    expect(shownAddress(url)).toBe(shown)
  })

  test.each([
    'redis://me:s3cr/et@host',
    'redis://me:s3cr#et@host',
    'redis://me:s3cr?et@host',
    'redis://host?password=s3cret',
    'redis://:%zz-s3cret@host',
    'redis://host:notaport-s3cret',
    'redis://host/s3cret',
    'redis://',
    'rediss://',
    'unix:',
  ])('%s is refused, and not repeated', (url) => {
    const make = (): unknown => new RedisStore({ url })
    expect(make).toThrow(expect.objectContaining({ code: 'invalid-option', message: expect.not.stringContaining('s3cr') }))
    expect(() => new RedisCluster({ url })).toThrow(expect.objectContaining({ code: 'invalid-option' }))
  })

  test('without TLS has no options of TLS', () => {
    expect(() => new RedisStore({ url: 'redis://a', tls: {} })).toThrow(expect.objectContaining({ code: 'invalid-option' }))
  })

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
