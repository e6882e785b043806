import { execFileSync, spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fencingToken, logRecords, storeKey } from '@beamclaw/testkit'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { inspectRedis } from './inspect-redis.ts'
import { RedisCluster } from './redis-cluster.ts'
import { RedisStore } from './redis-store.ts'
import { HeardHost } from './testing/cluster-nodes.ts'
import { freePorts } from './testing/failover-servers.ts'
import { noRedis, RedisServer } from './testing/redis-server.ts'

const hasOpenssl = spawnSync('openssl', ['version']).status === 0
const missing = hasOpenssl ? noRedis : 'the program openssl is not installed on this machine'

/** Makes an authority, and a certificate of it for a name, in the folder. */
function makeCertificate(folder: string, name: string): void {
  const run = (...args: string[]): unknown => execFileSync('openssl', args, { cwd: folder, stdio: 'ignore' })
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']
  run('req', '-x509', ...key, '-keyout', 'ca.key', '-out', 'ca.crt', '-days', '2', '-subj', '/CN=authority')
  const extension = `subjectAltName=DNS:${name}`
  const issuer = ['-CA', 'ca.crt', '-CAkey', 'ca.key', '-days', '2']
  run('req', '-x509', ...key, ...issuer, '-keyout', 'own.key', '-out', 'own.crt', '-subj', `/CN=${name}`, '-addext', extension)
}

describe.skipIf(missing !== undefined)(`TLS and an ACL user${missing === undefined ? '' : `: ${missing}`}`, () => {
  const servername = 'redis.example'
  let folder = ''
  let server: RedisServer
  let url = ''
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'beamclaw-tls-'))
    makeCertificate(folder, servername)
    const [port = 0] = await freePorts(1)
    const files = [
      '--tls-ca-cert-file',
      join(folder, 'ca.crt'),
      '--tls-cert-file',
      join(folder, 'own.crt'),
      '--tls-key-file',
      join(folder, 'own.key'),
    ]
    server = await RedisServer.start('--tls-port', String(port), '--bind', '127.0.0.1', '--tls-auth-clients', 'yes', ...files)
    url = `rediss://127.0.0.1:${port}`
    // What the page on Redis asks for.
    const rights = ['~tenant:*', '&tenant:*', '+@all', '-@dangerous', '+info', '+config|get']
    await server.send('ACL', 'SETUSER', 'agent', 'on', '>open sesame', ...rights)
    await server.send('ACL', 'SETUSER', 'default', 'off')
  })
  afterAll(async () => {
    await server.dispose()
    await rm(folder, { recursive: true, force: true })
  })

  const tlsOptions = (): { readonly ca: string; readonly cert: string; readonly key: string; readonly servername: string } => {
    const [ca = '', cert = '', key = ''] = ['ca.crt', 'own.crt', 'own.key'].map((file) => readFileSync(join(folder, file), 'utf8'))
    return { ca, cert, key, servername }
  }
  const login = { username: 'agent', password: 'open sesame', prefix: 'tenant' } as const

  test('are enough for a store and a cluster', async () => {
    const store = new RedisStore({ url, tls: tlsOptions(), ...login })
    const node = new RedisCluster({ url, tls: tlsOptions(), ...login, nodeId: 'one' })
    onTestFinished(async () => {
      await node.stop()
      await store.stop()
    })
    const log = await store.openLog(storeKey('a'), fencingToken())
    await log.append(logRecords(1, 3))
    expect((await store.readLog(storeKey('a')))?.records).toEqual(logRecords(1, 3))
    const id = await store.blobs.put(storeKey('a'), new Uint8Array([1, 2, 3]))
    expect(await store.blobs.read(storeKey('a'), id)).toBeDefined()
    await store.index.put('default' as never, [{ sessionKey: 'agent:main:a' as never, settings: {}, updatedAt: 1 }])
    expect(await store.index.page('default' as never, { sort: 'updatedAt', limit: 5 })).toHaveLength(1)
    expect(await store.list(['default'] as never)).not.toEqual([])
    await log.close()
    expect(await store.deleteLog(storeKey('a'), fencingToken(2))).toBe(true)
    await node.join(new HeardHost())
    expect(await node.request(node.self, 'hello', { timeoutMs: 5_000 })).toEqual({ echo: 'hello' })
    await node.release(await node.acquire('agent:main:a'))
  })

  test.each<[string, { readonly password?: string; readonly prefix?: string; readonly tls?: object }, RegExp]>([
    ['a wrong password', { password: 'closed' }, /password is wrong/],
    ['an authority that this side does not know', { tls: { ca: undefined } }, /is not trusted \(.*"tls\.ca" \(store\.caFile/],
    [
      'another name than the certificate has',
      { tls: { servername: 'other.example' } },
      /is not trusted \(.*altnames.*"tls\.servername" \(store\.servername/,
    ],
    [
      'no certificate of this side',
      { tls: { cert: undefined, key: undefined } },
      /cannot be reached \(.*"tls\.cert" and "tls\.key" \(store\.certFile/,
    ],
    ['a prefix that the user may not use', { prefix: 'other' }, /may not use a key: allow it .* ~other:\* and the channels &other:\*/],
  ])('%s: refused with the reason, and no secret in it', async (_, wrong, reason) => {
    const store = new RedisStore({ url, ...login, deadlineMs: 1_500, ...wrong, tls: { ...tlsOptions(), ...wrong.tls } })
    onTestFinished(() => store.stop())
    const refusal = store.get(storeKey('a'))
    await expect(refusal).rejects.toMatchObject({ code: 'store-io' })
    await expect(refusal).rejects.toThrow(reason)
    await expect(refusal).rejects.not.toThrow(/sesame|closed/)
  })

  test.each([
    ['an authority that this side does not know', { ca: undefined }],
    ['another name', { servername: 'other.example' }],
  ])('a certificate of %s is told at once: no wait mends it', async (_, wrong) => {
    const options = { url, ...login, deadlineMs: 600_000, tls: { ...tlsOptions(), ...wrong } }
    await using store = new RedisStore(options)
    await expect(store.get(storeKey('a'))).rejects.toThrow(/is not trusted/)
    expect(await inspectRedis(options)).toMatchObject({ mayComeBack: false, error: { details: { connection: 'certificate' } } })
  })

  test('an address for a port without TLS, or the other way round, may be the reason', async () => {
    const plain = url.replace('rediss', 'redis')
    await using toTls = new RedisStore({ url: plain, ...login, deadlineMs: 500 })
    await expect(toTls.get(storeKey('a'))).rejects.toThrow(/if the port expects TLS, the address begins with rediss/)
    expect(await inspectRedis({ url: plain })).toMatchObject({ mayComeBack: true, error: { details: { connection: 'handshake' } } })
    const [port = 0] = await freePorts(1)
    const bare = await RedisServer.start('--port', String(port), '--bind', '127.0.0.1')
    onTestFinished(() => bare.dispose())
    await using toPlain = new RedisStore({ url: `rediss://127.0.0.1:${port}`, deadlineMs: 500 })
    await expect(toPlain.get(storeKey('a'))).rejects.toThrow(/if the port is one without TLS, the address begins with redis/)
  })
})

describe.skipIf(noRedis !== undefined)('an ACL user without the rights of a store', () => {
  let server: RedisServer
  beforeAll(async () => {
    server = await RedisServer.start()
  })
  afterAll(() => server.dispose())

  test.each([
    ['of a command', 'info', '-info', /may not run the command "info": allow it this command, and all commands on the keys ~tenant:\* and/],
    ['of a command in a script', 'script', '-hset', /may not run .* the keys ~tenant:\* and the channels &tenant:\*/],
    ['of a key', 'key', 'resetkeys', /may not use a key: allow it all commands on the keys ~tenant:\*/],
  ])('%s: told with the prefix', async (_, username, missing, said) => {
    await server.send('ACL', 'SETUSER', username, 'on', '>open sesame', '~tenant:*', '&tenant:*', '+@all', missing)
    await using store = new RedisStore({ url: server.url, username, password: 'open sesame', prefix: 'tenant', deadlineMs: 1_500 })
    await expect(store.put(storeKey('a'), 1)).rejects.toThrow(said)
  })
})
