/** Who may use the gateway. */
import { createHash, timingSafeEqual } from 'node:crypto'

/** `token`: a bearer token is needed. `none`: anybody who reaches the port; for loopback only. */
export type GatewayAuth = { readonly mode: 'token'; readonly token: string } | { readonly mode: 'none' }

/** True when this is the token. Takes equally long whatever is wrong with it. */
export function isToken(auth: Extract<GatewayAuth, { mode: 'token' }>, given: string): boolean {
  return timingSafeEqual(digest(given), digest(auth.token))
}

/** The token of an `Authorization` header. */
export function bearerToken(header: string | undefined): string {
  return /^Bearer (.+)$/i.exec(header ?? '')?.[1] ?? ''
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}
