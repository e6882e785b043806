/** The transport of browsers, edge runtimes, Bun and Deno, which have `fetch`: neither undici nor a module of Node gets into their bundles. */
import { FetchTransport } from './fetch-transport.ts'
import type { HttpOptions } from './http-options.ts'
import type { PlatformTransport } from './transport.ts'

/** Returns the transport. Connections, and with them proxies, are the platform's. */
export function platformTransport(_owner: string, _url: URL, { fetch }: HttpOptions): PlatformTransport {
  return { transport: new FetchTransport(fetch, 'Bun' in globalThis) }
}
