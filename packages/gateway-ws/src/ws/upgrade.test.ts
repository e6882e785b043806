/** Who gets a WebSocket: decided before the upgrade. */
import { once } from 'node:events'
import { createServer } from 'node:http'
import { connect } from 'node:net'
import { describe, expect, test } from 'vitest'
import { spoken } from '../testing/http.ts'
import { RawClient } from '../testing/raw-client.ts'
import { upgradeHeaders, upgradeStatus } from '../testing/upgrade.ts'
import { withWitness } from '../testing/witness.ts'

const token = { mode: 'token', token: 'correct horse' } as const

describe('pages and names of others', () => {
  test.each([
    ['an evil origin', { origin: 'https://evil.example' }],
    ['the origin "null"', { origin: 'null' }],
    ['an origin that begins like ours', { origin: 'http://127.0.0.1.evil.example' }],
    ['another port of this machine', { origin: 'http://127.0.0.1:1' }],
  ])('%s gets no WebSocket, and takes no place of those that have not sent connect', async (_what, headers) => {
    await using all = await withWitness({ limits: { maxUnauthenticatedPerAddress: 1 } })
    for (let index = 0; index < 3; index++) expect(await upgradeStatus(all.stage.url, headers)).toBe(403)
    expect(await upgradeStatus(all.stage.url, {})).toBe(101)
  })

  test('a wrong bearer token gets no WebSocket, and counts as a wrong token', async () => {
    await using all = await withWitness({ auth: token })
    expect(await upgradeStatus(all.stage.url, { authorization: 'Bearer battery staple' })).toBe(401)
    expect(await upgradeStatus(all.stage.url, { authorization: 'Bearer correct horse' })).toBe(101)
  })

  test('a request for another protocol is no WebSocket', async () => {
    await using all = await withWitness()
    const headers = { connection: 'Upgrade, HTTP2-Settings', upgrade: 'h2c', 'http2-settings': 'AAMAAABkAAQAoAAAAAIAAAAA' }
    // Node before 22.21 and 24.9 cannot answer it over HTTP.
    const known = 'shouldUpgradeCallback' in createServer({ shouldUpgradeCallback: () => false })
    expect(await upgradeStatus(`${all.stage.url}/health`, headers)).toBe(known ? 200 : 400)
  })

  test('the gateway’s own origin and the allowed ones get in', async () => {
    await using all = await withWitness({ allowedOrigins: ['https://chat.example'] })
    for (const origin of [all.stage.url, 'https://chat.example']) {
      const client = await RawClient.connected(all.stage.url, {}, { headers: { origin } })
      await client[Symbol.asyncDispose]()
    }
  })

  test.each([
    ['an evil Host', { host: 'evil.example' }, 403],
    ['an evil Host with an Origin to match', { host: 'evil.example', origin: 'http://evil.example' }, 403],
    ['a Host that begins like ours', { host: '127.0.0.1.evil.example' }, 403],
    ['forwarding headers', { 'x-forwarded-for': '10.0.0.1' }, 403],
    ['localhost', { host: 'localhost:1234' }, 101],
    ['an allowed Host', { host: 'claw.example:443' }, 101],
  ])('%s', async (_what, headers, status) => {
    await using all = await withWitness({ allowedHosts: ['claw.example'] })
    expect(await upgradeStatus(all.stage.url, headers)).toBe(status)
  })

  test('two Hosts, another path, and a token in the address get no WebSocket', async () => {
    await using all = await withWitness()
    const { port } = new URL(all.stage.url)
    const socket = connect(Number(port), '127.0.0.1')
    socket.write(`GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nHost: evil.example\r\n${upgradeHeaders}\r\n`)
    expect(String((await once(socket, 'data'))[0])).toMatch(/^HTTP\/1\.1 400 /)
    expect(await upgradeStatus(`${all.stage.url}/socket`, {})).toBe(404)
    expect(await upgradeStatus(`${all.stage.url}/?token=correct`, {})).toBe(401)
  })
})

describe('a request line that makes no sense', () => {
  const lines = [
    '//',
    '//[',
    '///',
    '/\\',
    'http://[',
    'http://',
    'http://[::1',
    '*',
    'http://evil.example/',
    'http://evil.example:80/',
    '/%',
    '?',
    '//@',
    'ws://x/',
  ]

  test.each(lines)('%s, with an upgrade and without: it is refused, and the gateway goes on', async (line) => {
    await using all = await withWitness()
    for (const headers of [upgradeHeaders, 'Connection: close\r\n']) {
      const answer = await spoken(all.stage.url, `GET ${line} HTTP/1.1\r\nHost: 127.0.0.1\r\n${headers}\r\n`)
      expect(answer).toMatch(/^HTTP\/1\.1 40[034] /)
    }
  })

  test('an absolute address of the gateway itself will do', async () => {
    await using all = await withWitness()
    const { host } = new URL(all.stage.url)
    expect(await spoken(all.stage.url, `GET http://${host}/health HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`)).toMatch(
      /^HTTP\/1\.1 200 /,
    )
  })
})
