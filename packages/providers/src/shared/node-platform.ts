/** The transport of Node. The manifest names it `#platform`, except where undici cannot run; there that is `fetch-platform.ts`. */
import { DispatchTransport } from './dispatch-transport.ts'
import { processEnvironment } from './environment.ts'
import { FetchTransport } from './fetch-transport.ts'
import { type HttpOptions, httpDefaults } from './http-options.ts'
import { proxyFor } from './proxy.ts'
import type { PlatformTransport } from './transport.ts'

/** Returns the transport for an address. Throws `invalid-option` for a proxy that cannot be one. */
export function platformTransport(owner: string, url: URL, options: HttpOptions): PlatformTransport {
  const { fetch, environment, connectTimeoutMs = httpDefaults.connectTimeoutMs } = options
  // Bun takes this file from bundles for Node, and has no dispatcher of undici.
  if (fetch !== undefined || 'Bun' in globalThis) return { transport: new FetchTransport(fetch, true) }
  const proxy = proxyFor(owner, url, environment ?? processEnvironment())
  return { transport: new DispatchTransport(connectTimeoutMs, proxy), ...(proxy === undefined ? {} : { proxy }) }
}
