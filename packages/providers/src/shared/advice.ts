/** What a user can do about a failure of a service or of the connection to it: one sentence, with the name of the option or the variable. */
import type { ErrorCode } from '@beamclaw/core'

/** Where the key of a provider came from, and how it can be given. */
export interface KeySource {
  readonly from: 'option' | 'environment' | 'headers' | 'nowhere'
  /** The environment variable of the key, where the provider reads one. */
  readonly variable: string | undefined
}

/** Returns the advice for an answer that is an error; undefined where the service's own text says enough. */
export function adviceOn(code: ErrorCode, { status, text = '', codes, path, key }: RefusedCall): string | undefined {
  if (code === 'provider-auth') return status === 403 ? `Check what ${keyName(key)} may use` : adviceOnKey(key)
  if (code === 'provider-billing') return 'Add credit or raise the limit at the service'
  if (code !== 'provider-bad-request') return undefined
  const isModel = codes.some((one) => /model_not_found|DeploymentNotFound/i.test(one)) || (status === 404 && /\bmodel\b/i.test(text))
  if (isModel) return 'Correct the name of the model'
  if (status !== 404 && status !== 405) return undefined
  const place = path === undefined ? '' : `, which has no ${path.replace(/\?.*$/s, '')}`
  return `Check "baseUrl"${place}`
}

/** The facts about a call that a service refused. */
export interface RefusedCall {
  readonly status: number | undefined
  readonly text?: string | undefined
  readonly codes: readonly string[]
  readonly path: string | undefined
  readonly key: KeySource | undefined
}

function adviceOnKey(key: KeySource | undefined): string {
  if (key?.from !== 'nowhere') return `Correct ${keyName(key)}`
  return `No key was sent: pass the option "apiKey"${key.variable === undefined ? '' : ` or set ${key.variable}`}`
}

function keyName(key: KeySource | undefined): string {
  if (key?.from === 'environment')
    return key.variable === undefined ? 'the key in the environment' : `the environment variable ${key.variable}`
  return key?.from === 'headers' ? 'the key in the option "headers"' : 'the option "apiKey"'
}

/** The advice for a connection that failed. */
export interface ConnectionAdvice {
  readonly text: string
  /** True where a repeat fails as well, until something is changed. */
  readonly isLasting: boolean
}

const unknownAuthority: ConnectionAdvice = {
  text: 'Its certificate comes from an authority that this machine does not trust: name the file of that authority in NODE_EXTRA_CA_CERTS',
  isLasting: true,
}
const noTls: ConnectionAdvice = {
  text: 'The server does not speak TLS: begin "baseUrl" with http://, or correct its port',
  isLasting: true,
}
const unreachable: ConnectionAdvice = { text: 'Check the network, and the host in "baseUrl"', isLasting: false }

const refused: ConnectionAdvice = { text: 'Nothing listens there: start the server, or correct "baseUrl"', isLasting: false }
const notConnected: ConnectionAdvice = { text: 'Check that the server runs, the network, and "baseUrl"', isLasting: false }

const byErrorCode: ReadonlyMap<string, ConnectionAdvice> = new Map([
  ['ECONNREFUSED', refused],
  ['ConnectionRefused', refused],
  ['FailedToOpenSocket', notConnected],
  ['ENOTFOUND', { text: 'No host has this name: correct "baseUrl", or check the network', isLasting: false }],
  ['EAI_AGAIN', { text: 'Host names cannot be looked up: check the network', isLasting: false }],
  ['EHOSTUNREACH', unreachable],
  ['ENETUNREACH', unreachable],
  ['EHOSTDOWN', unreachable],
  ['ENETDOWN', unreachable],
  ['DEPTH_ZERO_SELF_SIGNED_CERT', unknownAuthority],
  ['SELF_SIGNED_CERT_IN_CHAIN', unknownAuthority],
  ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', unknownAuthority],
  ['UNABLE_TO_GET_ISSUER_CERT', unknownAuthority],
  ['UNABLE_TO_GET_ISSUER_CERT_LOCALLY', unknownAuthority],
  ['CERT_HAS_EXPIRED', { text: 'Its certificate has expired: renew it, or correct the clock of this machine', isLasting: true }],
  ['CERT_NOT_YET_VALID', { text: 'Its certificate is not valid yet: correct the clock of this machine', isLasting: true }],
  ['CERT_REVOKED', { text: 'Its certificate has been revoked: it needs a new one', isLasting: true }],
  [
    'ERR_TLS_CERT_ALTNAME_INVALID',
    { text: 'Its certificate is for another host: use the name in "baseUrl" that the certificate is for', isLasting: true },
  ],
  ['ERR_SSL_WRONG_VERSION_NUMBER', noTls],
  ['ERR_SSL_PACKET_LENGTH_TOO_LONG', noTls],
  ['ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION', { text: 'The server speaks only versions of TLS that are too old: renew it', isLasting: true }],
])

/** Returns the advice for a connection that failed in `phase`; undefined where nothing is known that would help. */
export function adviceOnConnection(
  errorCode: string | undefined,
  { isNoHttp, phase, isHttps }: { readonly isNoHttp: boolean; readonly phase: string; readonly isHttps: boolean | undefined },
): ConnectionAdvice | undefined {
  // Within an answer it is one that was damaged on its way.
  if (isNoHttp && phase !== 'body') return { text: 'The server does not speak HTTP: correct "baseUrl" and its port', isLasting: true }
  const known = byErrorCode.get(errorCode ?? '')
  if (known !== undefined) return known
  // A fetch of a browser, and one of others, does not say why.
  if (errorCode === undefined && phase !== 'body') return notConnected
  if (phase !== 'headers' || isHttps !== false || !closed.has(errorCode ?? '')) return undefined
  return { text: 'The server closed it without an answer: if it speaks TLS, begin "baseUrl" with https://', isLasting: false }
}

const closed: ReadonlySet<string> = new Set(['UND_ERR_SOCKET', 'ECONNRESET', 'EPIPE'])

const proxyStatus = /^Proxy response \((\d{3})\)/

/** Returns the advice for a proxy that cannot be used; undefined for a failure behind it. */
export function adviceOnProxy(errorCode: string | undefined, text: string, variable: string): ConnectionAdvice | undefined {
  const status = Number(proxyStatus.exec(text)?.[1] ?? 0)
  const proxy = `The proxy of the environment variable ${variable}`
  if (status === 407) return { text: `${proxy} wants a user name and a password: write them into its address`, isLasting: true }
  if (status >= 500) return { text: `${proxy} does not reach the service: it responded with status ${status}`, isLasting: false }
  if (status > 0) {
    return { text: `${proxy} refuses this host with status ${status}: have it allowed, or name the host in NO_PROXY`, isLasting: true }
  }
  if (!unreachableProxy.has(errorCode ?? '')) return undefined
  return { text: `${proxy} cannot be reached (${errorCode}): correct the variable, or name the host in NO_PROXY`, isLasting: false }
}

const unreachableProxy: ReadonlySet<string> = new Set([
  ...['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH', 'EHOSTDOWN', 'ENETDOWN', 'ECONNRESET', 'ETIMEDOUT'],
  ...['UND_ERR_CONNECT_TIMEOUT', 'UND_ERR_HEADERS_TIMEOUT', 'UND_ERR_SOCKET', 'UND_ERR_PRX_TLS'],
])
