/** The one door for failures: whatever a client or a server says leaves the store as a BeamClawError. */
import { BeamClawError, type StoreKey } from '@beamclaw/core'
import { connectionTrouble } from './connection-trouble.ts'

/** Returns the first word of a server's refusal, such as `OOM`; undefined for what no server said. */
export function replyCode(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined
  return /^([A-Z]{2,})(?: |$)/.exec(error.message)?.[1]
}

const advice: Readonly<Record<string, string>> = {
  READONLY: 'The server is a read-only replica: name the primary in the options',
  NOAUTH: 'The server asks for a password: set "password", or write it into the URL',
  WRONGPASS: 'The user name or the password is wrong: check "username" and "password"',
  NOREPLICAS: 'Too few replicas confirm writes: see min-replicas-to-write',
  LOADING: 'The server is still reading its data',
  MASTERDOWN: 'The replica has lost its primary',
  BUSY: 'A script of another application holds the server up',
}

const adviceAtSentinel: Readonly<Record<string, string>> = {
  NOAUTH: 'asks for a password: set "sentinelPassword"',
  WRONGPASS: 'does not accept the user name or the password: check "sentinelUsername" and "sentinelPassword"',
  NOPERM: 'does not let the user run the command: allow the user of "sentinelUsername" SENTINEL|MASTER there',
}

/** What a Sentinel has refused. The message is that of the Sentinel, whose first word says what; `where` is its host and port. */
export class SentinelRefusal extends Error {
  override readonly name = 'SentinelRefusal'
  readonly where: string

  constructor(where: string, cause: Error) {
    super(cause.message, { cause })
    this.where = where
  }
}

/** How some versions refuse a command in a script: without the code NOPERM. */
const refusedInScript = /^ERR .*(?:The user executing the script can't|ACL failure in script)/

/** Returns what to allow a user whom the server has refused something; undefined for any other failure. `keyPrefix` is what the names of keys begin with. */
function missingRights(error: unknown, keyPrefix: string): string | undefined {
  if (!(error instanceof Error) || !(replyCode(error) === 'NOPERM' || refusedInScript.test(error.message))) return undefined
  const command = refusedCommand(error)
  const refused = command === undefined ? refusedUse(error) : `run the command "${command}"`
  const allowed = `all commands on the keys ~${keyPrefix}:* and the channels &${keyPrefix}:*`
  return `The user may not ${refused}: allow it ${command === undefined ? '' : 'this command, and '}${allowed}`
}

function refusedCommand({ message }: Error): string | undefined {
  return /run the '([^']{1,64})' command/.exec(message)?.[1]
}

function refusedUse({ message }: Error): string {
  const kind = /\baccess [^']*?\b(key|channel)/.exec(message)?.[1]
  return kind === undefined ? 'run a command' : `use a ${kind}`
}

/** Returns true for a refusal that no repetition changes: wrong password, no permission. */
export function isRefusedLogin(error: unknown): boolean {
  return ['NOAUTH', 'WRONGPASS', 'NOPERM'].includes(replyCode(error) ?? '')
}

/**
 * Returns why no wait helps after a failed attempt to connect: a refused login, a server that is too old to greet its client, or a certificate that is not trusted.
 * Undefined for any other trouble.
 */
export function refusedConnection(where: string, trouble: unknown): unknown {
  if (isRefusedLogin(trouble)) return trouble
  const { kind } = connectionTrouble(where, trouble)
  return kind === 'certificate' ? notReached(where, 'connecting', 0, trouble) : refusedHandshake(trouble)
}

function refusedHandshake(trouble: unknown): BeamClawError | undefined {
  const isOld = trouble instanceof Error && /^ERR unknown command\W+HELLO/i.test(trouble.message)
  return isOld
    ? refusedServer('version', 'The server is too old: it does not know HELLO; the store needs Redis 6.2 or later. Update the server')
    : undefined
}

/**
 * Returns a failure of the client or the server with a stable code; a BeamClawError passes unchanged. `keyPrefix` is what the names of keys begin with, for the rights
 * that a user lacks.
 */
export function redisFailure(error: unknown, doing: string, keyPrefix = '<prefix>'): BeamClawError {
  if (BeamClawError.isInstance(error)) return error
  const code = replyCode(error)
  const said = error instanceof Error ? error.message : String(error)
  const isOfSentinel = error instanceof SentinelRefusal
  const details = { reply: code, ...(isOfSentinel ? { isOfSentinel } : {}) }
  if (code === 'OOM') {
    const problem = `Redis has no memory left while ${doing}: raise maxmemory, or delete sessions (${said})`
    return new BeamClawError('store-full', problem, { cause: error, details })
  }
  if (code === 'MISCONF') {
    return new BeamClawError('store-full', `Redis cannot write its file while ${doing}: ${said}`, { cause: error, details })
  }
  if (code === 'WRONGTYPE') return logCorrupt(`another application has written a key of the store while ${doing} (${said})`, error)
  const help = isOfSentinel ? sentinelHelp(error) : (missingRights(error, keyPrefix) ?? (code === undefined ? undefined : advice[code]))
  const problem = help === undefined ? `Redis failed while ${doing}: ${said}` : `${help} (while ${doing}: ${said})`
  return new BeamClawError('store-io', problem, { cause: error, details })
}

function sentinelHelp(refusal: SentinelRefusal): string | undefined {
  const help = adviceAtSentinel[replyCode(refusal) ?? '']
  return help === undefined ? undefined : `The Sentinel at ${refusal.where} ${help}`
}

/** Returns `store-io` for a command that got no answer in time. It may have been carried out. */
export function noAnswer(doing: string, deadlineMs: number): BeamClawError {
  const problem = `Redis did not answer within ${deadlineMs} ms while ${doing}. It may have been done: read again, or open the log again, to find out`
  return new BeamClawError('store-io', problem, { details: { deadlineMs } })
}

/**
 * Returns `store-io` for a command that was not sent, for want of a connection: at once for a certificate, which no wait mends. `details.connection` is `certificate` or `handshake` where TLS seems to be the reason, and
 * the last sentence of the message is then the advice for that.
 */
export function notReached(where: string, doing: string, waitedMs: number, cause: unknown): BeamClawError {
  const { kind, reason, advice } = connectionTrouble(where, cause)
  const problem =
    kind === 'certificate'
      ? `The certificate of Redis at ${where} is not trusted (${reason}), found before ${doing}. ${advice}`
      : `Redis at ${where} cannot be reached (${reason}); waited ${waitedMs} ms before ${doing}. ${advice}`
  return new BeamClawError('store-io', problem, {
    cause,
    details: { isSent: false, ...(kind === 'unreached' ? {} : { connection: kind }) },
  })
}

/** Returns `store-io` for a server that must not be used as it is set up. `check` names the setting. */
export function refusedServer(check: string, problem: string): BeamClawError {
  return new BeamClawError('store-io', problem, { details: { check } })
}

/** Returns `store-replaced`: the data under the prefix is not what this process began with. */
export function storeReplaced(problem: string, details: Readonly<Record<string, unknown>> = {}): BeamClawError {
  return new BeamClawError('store-replaced', problem, { details })
}

/** Returns `log-corrupt` for data that no store of ours has written. */
export function logCorrupt(problem: string, cause?: unknown): BeamClawError {
  return new BeamClawError('log-corrupt', `The data in Redis cannot be trusted: ${problem}`, { cause, details: { problem } })
}

/** Returns `fenced`; `epoch` is that of the later owner, absent for a log that was deleted. */
export function fenced(epoch: number | undefined): BeamClawError {
  const reason = epoch === undefined ? 'the log was deleted' : `an owner with epoch ${epoch} has opened the log`
  return new BeamClawError('fenced', `The token may not write: ${reason}. Open the log again to continue`, { details: { epoch } })
}

/** Returns `store-io` for a log that has fewer records than were acknowledged: the server came back with an earlier state. */
export function rewound(key: StoreKey, expectedSeq: number, actualSeq: number): BeamClawError {
  const problem = `Redis holds another end of the log ${JSON.stringify(key)} than it acknowledged: seq ${actualSeq} instead of ${expectedSeq}`
  return new BeamClawError('store-io', `${problem}. Open the log again`, { details: { problem: 'rewound', expectedSeq, actualSeq } })
}

/** Returns `store-stopped` for a call after `stop` or `close`. */
export function stopped(reason: string): BeamClawError {
  return new BeamClawError('store-stopped', `The call was rejected: ${reason}`)
}

/** Returns `version-conflict` for a write that expected another version. */
export function versionConflict(key: StoreKey, expected: number, current: number): BeamClawError {
  const details = { key, expected, current }
  return new BeamClawError('version-conflict', `The document has version ${current}, expected ${expected}. Read it again and retry`, {
    details,
  })
}
