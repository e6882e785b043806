/** Servers that cannot be reached, whose certificate is bad, or that speak no HTTP: each ends as one error that says what to do. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  type BadServer,
  canTrust,
  failureOf,
  httpAdapters,
  httpServer,
  isBun,
  socketServer,
  tlsServer,
  trustAuthority,
} from '../testing/bad-servers.ts'

beforeAll(() => trustAuthority(true))
afterAll(() => trustAuthority(false))

const empty: Parameters<typeof httpServer>[0] = (_request, response) => void response.end()

async function gone(): Promise<BadServer> {
  const server = await httpServer(empty)
  await server[Symbol.asyncDispose]()
  return { port: server.port, [Symbol.asyncDispose]: async () => undefined }
}

const cases: readonly (readonly [string, () => Promise<BadServer>, string, { code?: string; says: string; isRetryable: boolean }])[] = [
  ['no server', gone, 'http://127.0.0.1', { says: '(ECONNREFUSED). Nothing listens there: start the server', isRetryable: true }],
  ['no such host', gone, 'http://none.invalid', { says: '(ENOTFOUND). No host has this name: correct "baseUrl"', isRetryable: true }],
  [
    'a self-signed certificate',
    () => tlsServer('self-signed', empty),
    'https://localhost',
    { says: 'name the file of that authority in NODE_EXTRA_CA_CERTS', isRetryable: false },
  ],
  [
    'an expired certificate',
    () => tlsServer('expired', empty),
    'https://localhost',
    { says: 'certificate has expired', isRetryable: false },
  ],
  [
    'a certificate of another host',
    () => tlsServer('wrong-host', empty),
    'https://localhost',
    { says: 'certificate is for another host', isRetryable: false },
  ],
  ['no TLS', () => httpServer(empty), 'https://localhost', { says: 'begin "baseUrl" with http://', isRetryable: false }],
  ['TLS', () => tlsServer('good', empty), 'http://localhost', { says: 'begin "baseUrl" with https://', isRetryable: true }],
  [
    'another protocol',
    () => socketServer((socket) => void socket.write('SSH-2.0-OpenSSH_9.6\r\n')),
    'http://127.0.0.1',
    { says: 'The server does not speak HTTP: correct "baseUrl"', isRetryable: false },
  ],
  [
    'a server that hangs up',
    () => socketServer((socket) => void socket.once('data', () => socket.end())),
    'http://127.0.0.1',
    { says: 'The server closed it without an answer', isRetryable: true },
  ],
]

/** Without trust in their authority these two are like any unknown certificate. */
const needsTrust: ReadonlySet<string> = new Set(['an expired certificate', 'a certificate of another host'])

describe.skipIf(isBun).each(httpAdapters)('%s', (_adapter, make) => {
  describe.each(['dispatcher', 'fetch'] as const)('over %s', (transport) => {
    it.each(cases.filter(([what]) => canTrust || !needsTrust.has(what)))(
      'meets %s',
      async (_what, start, origin, { says, isRetryable }) => {
        await using server = await start()
        const own = transport === 'fetch' ? { fetch: (url: string, init: RequestInit) => fetch(url, init) } : {}
        const { parts, error } = await failureOf(make({ baseUrl: `${origin}:${server.port}/v1`, apiKey: 'sk-secret-0123456789', ...own }))
        expect(parts).toEqual([])
        expect(error).toMatchObject({ code: 'provider-network', isRetryable })
        expect(error.message).toContain(says)
        expect(error.message).not.toMatch(/\n|sk-secret/)
      },
    )
  })
})
