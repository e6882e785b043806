/** Reads the address and the key of a service from environment variables, where the options leave them out. */
import { BeamClawError } from '@beamclaw/core'
import { describeError, describeValue, type OptionRule } from '@beamclaw/core/adapter'
import { aBaseUrl, anApiKey, type HttpOptions } from './http-options.ts'

/** Environment variables by name. */
export type Environment = Readonly<Record<string, string | undefined>>

/** Which variables a provider reads, and the one origin that its key may go to by default. */
export interface ServiceVariables {
  /** Begins the messages of errors. */
  readonly owner: string
  readonly apiKey: string
  readonly baseUrl: string
  /** Such as `https://api.openai.com`; undefined for servers that have no address of their own. */
  readonly ownOrigin: string | undefined
  /** The address when none is given, where that is not the service's own: a server on the same machine. It gets no key of the environment. */
  readonly localUrl?: string | undefined
}

/** Where a provider sends its requests, and with which key. */
export interface ServiceAccess {
  readonly apiKey: string | undefined
  /** Undefined for the default of the provider. */
  readonly baseUrl: string | undefined
  /** True for an address that the environment names. */
  readonly isFromEnvironment: boolean
}

/**
 * Returns the key and the address of checked options, else those of the environment. A key of the environment is not sent to an address that
 * the options name, unless that is the service's own: an address in the options takes a key in the options. Throws `invalid-option` with the
 * name of the variable, never with its value; and when there is no key for the service's own origin, which would refuse each call.
 */
export function accessOf({ apiKey, baseUrl, environment, headers }: HttpOptions, variables: ServiceVariables): ServiceAccess {
  const variablesOf = environment ?? processEnvironment()
  const { ownOrigin, localUrl } = variables
  const named = baseUrl ?? read(variablesOf, variables.owner, variables.baseUrl, aBaseUrl)
  const url = named ?? localUrl
  const mayUseKey = named === undefined ? localUrl === undefined : baseUrl === undefined || new URL(baseUrl).origin === ownOrigin
  const key = apiKey ?? (mayUseKey ? read(variablesOf, variables.owner, variables.apiKey, anApiKey) : undefined)
  const isOwn = ownOrigin !== undefined && (url === undefined || new URL(url).origin === ownOrigin)
  if (isOwn && key === undefined && !hasOwnCredentials(headers)) throw missingKey(variables)
  return { apiKey: key, baseUrl: url, isFromEnvironment: baseUrl === undefined && named !== undefined }
}

/** True where the caller's own headers say who calls, such as a token that is no API key. */
function hasOwnCredentials(headers: HttpOptions['headers'] = {}): boolean {
  return Object.keys(headers).some((name) => credentialHeaders.has(name.toLowerCase()))
}

const credentialHeaders: ReadonlySet<string> = new Set(['authorization', 'x-api-key'])

function missingKey({ owner, apiKey, ownOrigin }: ServiceVariables): BeamClawError {
  const expected = `the key of ${ownOrigin}`
  return new BeamClawError(
    'invalid-option',
    `${owner}: option "apiKey" is required: ${expected}. Pass it, or set the environment variable ${apiKey}; for a server of your own, pass its "baseUrl"`,
    { details: { owner, option: 'apiKey', variable: apiKey, expected, received: 'undefined' } },
  )
}

/** Returns the variables of the process. Not every runtime has one. */
export function processEnvironment(): Environment {
  return (globalThis as { readonly process?: { readonly env?: Environment } }).process?.env ?? {}
}

/** Returns the trimmed value of a variable; undefined for one that is not set or blank. */
function read(environment: Environment, owner: string, name: string, rule: OptionRule): string | undefined {
  const given = variableOf(environment, owner, name)
  const value = typeof given === 'string' ? given.trim() : given
  if (value === undefined || value === '') return undefined
  const expected = typeof value === 'string' ? rule(value) : 'text'
  if (typeof value === 'string' && expected === undefined) return value
  const received = describeValue(value)
  throw new BeamClawError('invalid-option', `${owner}: environment variable ${name} must be ${expected}, received ${received}`, {
    details: { owner, option: name, expected, received },
  })
}

/** Returns the value of a variable. Throws `invalid-option`: the environment is the host's object, of which a getter or a proxy may throw. */
export function variableOf(environment: Environment, owner: string, name: string): unknown {
  try {
    return environment[name]
  } catch (cause) {
    const problem = `${owner}: environment variable ${name} cannot be read: ${describeError(cause)}. Pass an object of plain texts as "environment"`
    throw new BeamClawError('invalid-option', problem, { cause, details: { owner, option: name } })
  }
}
