/** What a request line names. Pure, and never throws: whatever a socket sends comes here. */

export interface RequestTarget {
  /** The authority of an absolute address (`GET http://host/path`), which proxies are sent. */
  readonly authority: string | undefined
  readonly path: string
  /** Without the question mark. */
  readonly query: string
}

/** Undefined for what is neither a path nor an absolute `http:` or `https:` address. */
export function parseTarget(text: string): RequestTarget | undefined {
  const match = /^(?:https?:\/\/([^/?#\\]*))?(\/[^?#]*)?(?:\?([^#]*))?$/i.exec(text)
  if (match === null) return undefined
  const [, authority, path, query = ''] = match
  if (authority === undefined && path === undefined) return undefined
  return { authority, path: path ?? '/', query }
}
