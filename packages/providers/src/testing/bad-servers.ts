/** Servers that are not what a provider expects at its address. */
import { readFileSync } from 'node:fs'
import { createServer, type RequestListener } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import { createServer as createPlainServer, type Server, type Socket } from 'node:net'
import tls from 'node:tls'
import { BeamClawError, type Provider, type ProviderPart, type ProviderRequest } from '@beamclaw/core'
import { AnthropicProvider } from '../anthropic/anthropic-provider.ts'
import { OpenAiChatProvider } from '../openai/openai-chat-provider.ts'
import { OpenAiResponsesProvider } from '../openai-responses/openai-responses-provider.ts'
import type { HttpOptions } from '../shared/http-options.ts'

/** True on Bun, whose own `fetch` connects, decompresses and asks proxies, with errors of its own. */
export const isBun = 'Bun' in globalThis

/** True where a test can add an authority to those that are trusted: Node 22.19 and 24.5. */
export const canTrust = typeof tls.setDefaultCACertificates === 'function' && !isBun

const trusted = canTrust ? tls.getCACertificates('default') : []

/** Trusts the authority of `fixtures/tls`, or no longer. Does nothing where that cannot be. */
export function trustAuthority(isTrusted: boolean): void {
  if (canTrust) tls.setDefaultCACertificates(isTrusted ? [...trusted, tlsFile('authority')] : trusted)
}

/** The adapters over HTTP. */
export const httpAdapters = [
  ['AnthropicProvider', (options: HttpOptions): Provider => new AnthropicProvider(options)],
  ['OpenAiChatProvider', (options: HttpOptions): Provider => new OpenAiChatProvider(options)],
  ['OpenAiResponsesProvider', (options: HttpOptions): Provider => new OpenAiResponsesProvider(options)],
] as const

/** The name of an adapter over HTTP. */
export type AdapterName = (typeof httpAdapters)[number][0]

/** A server under way. */
export interface BadServer extends AsyncDisposable {
  readonly port: number
}

async function listening(server: Server): Promise<BadServer> {
  const sockets = new Set<Socket>()
  const keep = (socket: Socket): void => void sockets.add(socket)
  server.on('connection', keep)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  return {
    port: typeof address === 'object' ? (address?.port ?? 0) : 0,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

/** Starts an HTTP server. */
export function httpServer(listener: RequestListener): Promise<BadServer> {
  return listening(createServer(listener))
}

/** Starts an HTTPS server with a certificate of `fixtures/tls`. */
export function tlsServer(certificate: string, listener: RequestListener): Promise<BadServer> {
  return listening(createTlsServer({ cert: tlsFile(certificate), key: tlsFile('server-key') }, listener))
}

/** Starts a server for sockets, which speaks no HTTP by itself. */
export function socketServer(onSocket: (socket: Socket) => void): Promise<BadServer> {
  return listening(
    createPlainServer((socket) => {
      socket.on('error', () => undefined)
      onSocket(socket)
    }),
  )
}

/** Returns a file of `fixtures/tls`. */
function tlsFile(name: string): string {
  return readFileSync(new URL(`../../fixtures/tls/${name}.pem`, import.meta.url), 'utf8')
}

/** Resolves with the error of a call, and the parts before it. */
export async function failureOf(
  provider: Provider,
  request: Partial<ProviderRequest> = {},
): Promise<{ readonly parts: readonly ProviderPart[]; readonly error: BeamClawError }> {
  const parts: ProviderPart[] = []
  const whole: ProviderRequest = { model: 'no-such-model', messages: [{ role: 'user', content: 'hello' }], ...request }
  try {
    for await (const part of provider.doStream(whole, { signal: new AbortController().signal })) parts.push(part)
  } catch (error) {
    if (BeamClawError.isInstance(error)) return { parts, error }
    throw error
  }
  throw new Error('The call did not fail')
}
