/** Options of `McpServers`, and their rules. */
import { type AskModeRule, BeamClawError, type Logger } from '@beamclaw/core'
import {
  aBoolean,
  anArray,
  anObject,
  anObjectWith,
  checkOptions,
  definedOnly,
  duration,
  integer,
  type OptionRule,
  oneOf,
  text,
} from '@beamclaw/core/adapter'

/** What servers of both kinds have. */
interface McpServerCommon {
  /**
   * Whether the hints of its tools are believed: one that calls itself read-only has `risk: 'low'`, and one that calls itself idempotent is repeated after
   * a crash. @default false
   */
  readonly trustAnnotations?: boolean
  /** Revision of the protocol. @default 'auto', which asks the server */
  readonly protocol?: 'auto' | '2025-11-25' | '2026-07-28'
}

/** A server that is a program of this machine, and speaks over its input and output. */
export interface McpProgram extends McpServerCommon {
  /** The program; one without a slash is looked up in `PATH`. */
  readonly command: string
  readonly args?: readonly string[]
  /** Variables beside PATH, HOME, LANG, TZ and a few more; nothing else of the host's environment is passed on. */
  readonly env?: Readonly<Record<string, string>>
  /** @default the working directory of this process */
  readonly cwd?: string
}

/** A server that is reached over streamable HTTP. */
export interface McpService extends McpServerCommon {
  /** Its host is reached at whatever address it has, also a private one; redirects to other origins are refused. */
  readonly url: string
  /** Sent with each request. Never appear in errors. */
  readonly headers?: Readonly<Record<string, string>>
}

export type McpServer = McpProgram | McpService

/** Options of `McpServers`. */
export interface McpServersOptions {
  /** By name: 1 to 24 of a-z, 0-9, and single `-` or `_` between them. */
  readonly servers: Readonly<Record<string, McpServer>>
  /** Milliseconds for one call. @default 60000 */
  readonly callTimeoutMs?: number
  /** Milliseconds for a server to start and to list what it has. @default 10000 */
  readonly startTimeoutMs?: number
  /** When calls ask for approval. @default by the risk of each tool */
  readonly askMode?: AskModeRule
  /** Bytes of one message of a server. @default 8388608 */
  readonly maxMessageBytes?: number
  /** Tools of one server; those beyond are left out. @default 256 */
  readonly maxTools?: number
  /** @default none */
  readonly logger?: Logger
}

/** Defaults for `McpServersOptions`. */
export const mcpDefaults = {
  callTimeoutMs: 60_000,
  startTimeoutMs: 10_000,
  maxMessageBytes: 8 * 1024 * 1024,
  maxTools: 256,
} as const satisfies Partial<McpServersOptions>

/** The options with their defaults. */
export type McpSettings = McpServersOptions & Required<Pick<McpServersOptions, keyof typeof mcpDefaults>>

const namePattern = /^(?=.{1,24}$)[a-z0-9]+(?:[-_][a-z0-9]+)*$/
/** `defineTool` checks it. */
const anAskMode: OptionRule = () => undefined
const common = { trustAnnotations: aBoolean, protocol: oneOf('auto', '2025-11-25', '2026-07-28') }

/** Returns the options with their defaults. Throws `invalid-option`; no value of `env` and `headers` is in the message. */
export function mcpSettings(options: McpServersOptions): McpSettings {
  checkOptions<McpServersOptions>(
    'McpServers',
    options,
    {
      servers: anObject,
      callTimeoutMs: duration(1),
      startTimeoutMs: duration(1),
      askMode: anAskMode,
      maxMessageBytes: integer(1_024),
      maxTools: integer(1, 10_000),
      logger: anObjectWith('log'),
    },
    ['servers'],
  )
  for (const [name, server] of Object.entries(options.servers)) checkServer(name, server)
  return { ...mcpDefaults, ...definedOnly(options), servers: options.servers }
}

function checkServer(name: string, server: McpServer): void {
  const owner = `McpServers: server "${name.slice(0, 24)}"`
  if (!namePattern.test(name)) throw problemOf(owner, 'its name must have 1 to 24 of a-z, 0-9, and single - or _ between them')
  anObjectOrThrow(owner, server)
  if ('url' in server) {
    checkOptions<McpService>(owner, server, { ...common, url: text(8_192), headers: anObject }, ['url'])
    const url = URL.parse(server.url)
    if (url === null || !/^https?:$/.test(url.protocol)) throw problemOf(owner, 'option "url" must be an http or https URL')
    if (url.username !== '' || url.password !== '') throw problemOf(owner, 'option "url" must have no user name or password; use "headers"')
    for (const [header, value] of Object.entries(server.headers ?? {})) checkHeader(owner, header, value)
    return
  }
  if (!('command' in server))
    throw problemOf(owner, 'option "command", the program, or option "url", the address of a service, is required')
  const rules = { ...common, command: text(4_096), args: anArray, env: anObject, cwd: text(4_096) }
  checkOptions<McpProgram>(owner, server, rules, ['command'])
  if (!(server.args ?? []).every((word) => isPlainText(word))) throw problemOf(owner, 'option "args" must be an array of texts')
  for (const [variable, value] of Object.entries(server.env ?? {})) {
    if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(variable) || !isPlainText(value)) {
      throw problemOf(
        owner,
        `option "env" must have texts by names of letters, digits and _; ${JSON.stringify(variable.slice(0, 64))} is not one`,
      )
    }
  }
}

function checkHeader(owner: string, header: string, value: unknown): void {
  if (/^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/.test(header) && typeof value === 'string' && !/[\r\n\0]/.test(value)) return
  throw problemOf(owner, `option "headers" must have texts by header names; ${JSON.stringify(header.slice(0, 64))} is not one`)
}

function isPlainText(value: unknown): value is string {
  return typeof value === 'string' && !value.includes('\0')
}

function anObjectOrThrow(owner: string, value: unknown): void {
  const expected = anObject(value)
  if (expected !== undefined) throw problemOf(owner, `must be ${expected}`)
}

function problemOf(owner: string, problem: string): BeamClawError {
  return new BeamClawError('invalid-option', `${owner}: ${problem}`, { details: { owner: 'McpServers' } })
}
