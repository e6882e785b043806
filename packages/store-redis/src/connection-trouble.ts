/** Why a server was not reached, and what to do about it: TLS that does not fit has other remedies than a server that is down. */

/** What a failed connection tells, for a message. */
export interface ConnectionTrouble {
  /** `certificate` for one that this side does not trust; `handshake` where the two sides may not agree about TLS; `unreached` for all else. */
  readonly kind: 'certificate' | 'handshake' | 'unreached'
  readonly reason: string
  /** What to do next, as a sentence without its full stop. */
  readonly advice: string
}

const start = 'Start it, or correct the address'
const untrusted = new Set([
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'CERT_SIGNATURE_FAILURE',
  'CERT_UNTRUSTED',
])
const outOfDate = new Set(['CERT_HAS_EXPIRED', 'CERT_NOT_YET_VALID'])
const notTls = new Set(['ERR_SSL_WRONG_VERSION_NUMBER', 'ERR_SSL_PACKET_LENGTH_TOO_LONG'])
const closed = new Set(['ECONNRESET', 'EPIPE', 'SocketClosedUnexpectedlyError'])
const silent = new Set(['ETIMEDOUT', 'ConnectionTimeoutError', 'SocketTimeoutError'])

/** Returns what the last failure of a connection to `where` tells; `trouble` is undefined for a server that has said nothing. */
export function connectionTrouble(where: string, trouble: unknown): ConnectionTrouble {
  const reason = reasonOf(trouble)
  const names = namesOf(trouble)
  const has = (some: ReadonlySet<string>): boolean => names.some((name) => some.has(name))
  if (names.includes('ERR_TLS_CERT_ALTNAME_INVALID')) {
    const advice =
      'Name the host of the certificate in "tls.servername" (store.servername in the configuration file), or correct the address'
    return { kind: 'certificate', reason: reason.replace('. is not', ' is not'), advice }
  }
  if (has(untrusted)) {
    const advice = 'Give the certificate of its authority as "tls.ca" (store.caFile in the configuration file)'
    return { kind: 'certificate', reason, advice }
  }
  if (has(outOfDate)) return { kind: 'certificate', reason, advice: 'Renew it, or correct the clock of this machine' }
  if (names.some((name) => /^ERR_SSL_.*ALERT_.*(?:CERTIFICATE|UNKNOWN_CA)/.test(name))) {
    const advice = 'Give "tls.cert" and "tls.key" (store.certFile and store.keyFile in the configuration file) that the server trusts'
    return { kind: 'handshake', reason, advice }
  }
  const isTls = where.startsWith('rediss')
  if (isTls && (trouble === undefined || has(notTls) || has(closed) || has(silent))) {
    const said = trouble === undefined ? 'no answer to the TLS handshake' : reason
    return {
      kind: 'handshake',
      reason: said,
      advice: `${start}; if the port is one without TLS, the address begins with redis, not rediss`,
    }
  }
  if (/^redis[:+]/.test(where) && has(closed)) {
    const advice = `${start}; if the port expects TLS, the address begins with rediss, not redis`
    return { kind: 'handshake', reason, advice }
  }
  return { kind: 'unreached', reason, advice: start }
}

function reasonOf(trouble: unknown): string {
  if (trouble instanceof Error && trouble.message !== '') return firstLine(trouble.message)
  return (trouble as { code?: string } | undefined)?.code ?? 'no connection'
}

/** Returns the text without what OpenSSL writes around its reason: a thread, and a line of its source. */
function firstLine(text: string): string {
  const [line = ''] = text.trim().split('\n')
  return /^[\dA-F]+:error:[^:]*:[^:]*:[^:]*:([^:]+):/.exec(line)?.[1] ?? line
}

/** Returns the codes and classes of an error and of its causes. */
function namesOf(trouble: unknown): readonly string[] {
  if (!(trouble instanceof Error)) return []
  const code = 'code' in trouble && typeof trouble.code === 'string' ? [trouble.code] : []
  return [...code, trouble.constructor.name, ...namesOf(trouble.cause)]
}
