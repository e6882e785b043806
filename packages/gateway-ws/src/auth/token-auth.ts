/** Authentication by bearer token. */
import { createHash, timingSafeEqual } from 'node:crypto'

/** How clients authenticate. `token`: with a bearer token. `none`: not at all; allowed on loopback only. */
export type GatewayAuth = { readonly mode: 'token'; readonly token: string } | { readonly mode: 'none' }

/** Returns true when `given` is the token. Compares in constant time. */
export function isToken(auth: Extract<GatewayAuth, { mode: 'token' }>, given: string): boolean {
  return timingSafeEqual(digest(given), digest(auth.token))
}

/** Returns the token of an `Authorization` header, or ''. */
export function bearerToken(header: string | undefined): string {
  return /^Bearer (.+)$/i.exec(header ?? '')?.[1] ?? ''
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}
