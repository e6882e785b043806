// What `doctor` says of the Redis that keeps the sessions.
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { RedisStore } from '@beamclaw/store-redis'
import { afterAll, afterEach, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { parseConfig } from '../../config/load.ts'
import { settingsFrom } from '../../config/settings.ts'
import { isWithoutRedis, TestRedis } from '../../testing/redis-server.ts'
import { jsonLines, runCli } from '../../testing/run-cli.ts'
import type { Finding } from './finding.ts'
import { checkRedis } from './redis.ts'

const redis = new TestRedis()
afterAll(() => redis.dispose())

/** The findings by their names. */
async function look(store: string, environment: Readonly<Record<string, string>> = {}): Promise<Readonly<Record<string, Finding>>> {
  const settings = settingsFrom(parseConfig(`store: ${store}`, environment), { environment })
  return Object.fromEntries((await checkRedis(settings)).map((finding) => [finding.name, finding]))
}

const own = `{ type: redis, url: "${redis.url}" }`

describe('a Redis that cannot be reached', () => {
  test('is a problem, with the setting that names it', async () => {
    const problem = { state: 'problem', detail: expect.stringMatching(/cannot be reached \(.*ENOENT.*\)$/) }
    expect(await look(own)).toEqual({
      redis: { name: 'redis', ...problem, advice: 'start Redis, or correct store.url; beamclaw start waits for it' },
    })
    expect((await look('redis', { BEAMCLAW_REDIS_URL: redis.url })).redis?.advice).toContain('BEAMCLAW_REDIS_URL')
  })

  test('makes the command end with 1, also without --online', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'beamclaw-doctor-redis-'))
    try {
      const file = join(folder, 'beamclaw.yaml')
      writeFileSync(file, `store: ${own}\ngateway: { port: 0 }\n`)
      const outcome = await runCli(['doctor', '--json', '--config', file])
      const [report] = jsonLines(outcome) as readonly { readonly findings: readonly Finding[] }[]
      expect(report?.findings.find(({ name }) => name === 'redis')).toMatchObject({ state: 'problem' })
      expect(outcome.code).toBe(1)
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  })

  test('is told from options that lead nowhere', async () => {
    expect(await look('{ type: redis, caFile: /none }')).toMatchObject({ redis: { state: 'problem', advice: 'correct store.caFile' } })
    expect(await look('redis', { BEAMCLAW_REDIS_URL: 'none' })).toMatchObject({ redis: { advice: 'correct BEAMCLAW_REDIS_URL' } })
  })
})

describe('a Redis that refuses the connection', () => {
  /** Starts what replies with the line to all that is said, or closes each connection. */
  async function refusing(line: string | undefined): Promise<string> {
    const server = createServer((socket) => {
      socket.on('error', () => undefined)
      if (line === undefined) socket.destroy()
      else socket.on('data', () => socket.write(`${line}\r\n`.repeat(9)))
    }).listen(0, '127.0.0.1')
    onTestFinished(() => void server.close())
    await once(server, 'listening')
    return `127.0.0.1:${(server.address() as AddressInfo).port}`
  }
  const wrongPassword = '-WRONGPASS invalid username-password pair or user is disabled.'

  test.each([
    ['without a word, as with TLS', undefined, 'redis://HOST', 'if the port expects TLS, the address begins with rediss'],
    ['for the password of a Sentinel', wrongPassword, 'redis+sentinel://HOST/ours, sentinelPassword: no', 'store.sentinelUsername'],
  ])('%s: has the advice for that', async (_, line, url, advice) => {
    const host = await refusing(line)
    const found = await look(`{ type: redis, url: ${url.replace('HOST', host)} }`)
    expect(found).toMatchObject({ redis: { state: 'problem', advice: expect.stringContaining(advice) } })
  })
})

test('a store without Redis has no such finding', async () => {
  expect(await look('memory')).toEqual({})
})

describe.skipIf(isWithoutRedis)('a Redis that is there', () => {
  beforeAll(() => redis.start())
  afterEach(() => void redis.send('FLUSHALL'))

  test('and as it should be is ok, and stays empty', async () => {
    expect(await look(own)).toMatchObject({
      redis: { state: 'ok', detail: expect.stringMatching(/^version \d+\.\d+\.\d+ at unix:/) },
      'redis eviction': { state: 'ok', detail: 'noeviction' },
      'redis durability': { state: 'ok' },
      'redis store': { state: 'ok', detail: 'none yet; the first start gives it an id' },
      'redis nodes': { state: 'ok', detail: 'none is up' },
    })
    expect(redis.send('DBSIZE')).toBe('0')
  })

  test('with settings that lose sessions is a problem or a warning, with the command that mends it', async () => {
    for (const [name, value] of [
      ['maxmemory-policy', 'allkeys-lru'],
      ['appendfsync', 'everysec'],
    ] as const)
      redis.send('CONFIG', 'SET', name, value)
    try {
      expect(await look(own)).toMatchObject({
        redis: { state: 'ok' },
        'redis eviction': { state: 'problem', advice: 'Run: redis-cli CONFIG SET maxmemory-policy noeviction' },
        'redis durability': { state: 'warning', advice: 'Run: redis-cli CONFIG SET appendfsync always' },
      })
    } finally {
      redis.send('CONFIG', 'SET', 'maxmemory-policy', 'noeviction')
      redis.send('CONFIG', 'SET', 'appendfsync', 'always')
    }
  })

  test('but refuses the login or a command is a problem, with the settings or the rights that are wrong', async () => {
    redis.send('ACL', 'SETUSER', 'agent', 'on', '>right', '~beamclaw:*', '+@all', '-info')
    try {
      const loginWith = (password: string): string => `{ type: redis, url: "${redis.url}", username: agent, password: ${password} }`
      expect(await look(loginWith('wrong'))).toMatchObject({
        redis: { advice: expect.stringContaining('store.username and store.password') },
      })
      expect(await look(loginWith('right'))).toMatchObject({
        redis: {
          detail: expect.stringMatching(/may not run the command "info": .*~beamclaw:\*/),
          advice: expect.stringContaining('ACL SETUSER'),
        },
      })
    } finally {
      redis.send('ACL', 'DELUSER', 'agent')
    }
  })

  test('with another store than the expected one is a problem', async () => {
    await using store = new RedisStore({ url: redis.url })
    const id = await store.id()
    expect(await look(own)).toMatchObject({ 'redis store': { state: 'ok', detail: `its id is ${id}` } })
    expect(await look(`{ type: redis, url: "${redis.url}", storeId: another }`)).toMatchObject({
      'redis store': { state: 'problem', detail: `Redis holds the store ${id}, expected the store another` },
    })
  })
})
