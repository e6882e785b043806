/** Who may use the gateway. */
import { createHash, timingSafeEqual } from 'node:crypto'

/** `token`: a bearer token is needed. `none`: anybody who reaches the port; for loopback only. */
export type GatewayAuth = { readonly mode: 'token'; readonly token: string } | { readonly mode: 'none' }

/** True when the `Authorization` header carries the token. Takes equally long whatever is wrong with it. */
export function isAuthorized(auth: GatewayAuth, header: string | undefined): boolean {
  if (auth.mode === 'none') return true
  const given = /^Bearer (.+)$/i.exec(header ?? '')?.[1] ?? ''
  return timingSafeEqual(digest(given), digest(auth.token))
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}
