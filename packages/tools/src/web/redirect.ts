/** The next request after a redirect: what it keeps of the one before. */
import type { Response } from 'undici'
import { fetchFailed } from './fetch-errors.ts'

/** A request as it is sent. */
export interface Outgoing {
  readonly url: URL
  readonly method: 'GET' | 'POST'
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | undefined
}

const redirectStatuses: ReadonlySet<number> = new Set([301, 302, 303, 307, 308])

// Any other header of the caller may be a credential.
const harmlessHeaders: ReadonlySet<string> = new Set(['accept', 'accept-language', 'user-agent'])

/** Returns where a response redirects to; `undefined` for any other response. Throws `fetch-failed` for a target that is no URL. */
export function redirectTarget({ status, headers }: Response, from: URL): URL | undefined {
  const location = redirectStatuses.has(status) ? headers.get('location') : null
  if (location === null) return undefined
  // Header values arrive as Latin-1; a target outside ASCII is UTF-8.
  const target = URL.parse(Buffer.from(location, 'latin1').toString('utf8'), from.href)
  if (target === null) throw fetchFailed('it redirects to something that is not a URL.', { host: from.hostname })
  return target
}

/** Returns the request that follows a redirect to `url`. Credentials, cookies and unknown headers stay at their origin. */
export function nextHop({ url: from, method, headers, body }: Outgoing, url: URL, status: number): Outgoing {
  const becomesGet = method === 'POST' && status <= 303
  const kept = Object.entries(headers).filter(([name]) => {
    const lower = name.toLowerCase()
    return (from.origin === url.origin || harmlessHeaders.has(lower)) && !(becomesGet && lower === 'content-type')
  })
  return {
    url,
    method: becomesGet ? 'GET' : method,
    headers: Object.fromEntries(kept),
    body: becomesGet ? undefined : body,
  }
}
