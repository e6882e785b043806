/** Parses the target of a request line. Pure, and never throws, because it is untrusted input. */

export interface RequestTarget {
  /** The authority of an absolute URL (`GET http://host/path`), as clients send it to proxies. */
  readonly authority: string | undefined
  readonly path: string
  /** Without the question mark. */
  readonly query: string
}

/** Returns undefined for a target that is neither a path nor an absolute `http:` or `https:` URL. */
export function parseTarget(text: string): RequestTarget | undefined {
  const match = /^(?:https?:\/\/([^/?#\\]*))?(\/[^?#]*)?(?:\?([^#]*))?$/i.exec(text)
  if (match === null) return undefined
  const [, authority, path, query = ''] = match
  if (authority === undefined && path === undefined) return undefined
  return { authority, path: path ?? '/', query }
}
