/** Reads the address and the key of a service from environment variables, where the options leave them out. */
import { BeamClawError } from '@beamclaw/core'
import { describeValue, type OptionRule } from '@beamclaw/core/adapter'
import { aBaseUrl, anApiKey, type HttpOptions } from './http-options.ts'

/** Environment variables by name. */
export type Environment = Readonly<Record<string, string | undefined>>

/** Which variables a provider reads, and the one origin that its key may go to by default. */
export interface ServiceVariables {
  /** Begins the messages of errors. */
  readonly owner: string
  readonly apiKey: string
  readonly baseUrl: string
  /** Such as `https://api.openai.com`. */
  readonly ownOrigin: string
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
 * name of the variable, never with its value.
 */
export function accessOf({ apiKey, baseUrl, environment }: HttpOptions, variables: ServiceVariables): ServiceAccess {
  const variablesOf = environment ?? processEnvironment()
  const url = baseUrl ?? read(variablesOf, variables.owner, variables.baseUrl, aBaseUrl)
  const mayUseKey = baseUrl === undefined || new URL(baseUrl).origin === variables.ownOrigin
  const key = apiKey ?? (mayUseKey ? read(variablesOf, variables.owner, variables.apiKey, anApiKey) : undefined)
  return { apiKey: key, baseUrl: url, isFromEnvironment: baseUrl === undefined && url !== undefined }
}

/** Not every runtime has a `process`. */
function processEnvironment(): Environment {
  return (globalThis as { readonly process?: { readonly env?: Environment } }).process?.env ?? {}
}

/** Returns the trimmed value of a variable; undefined for one that is not set or blank. */
function read(environment: Environment, owner: string, name: string, rule: OptionRule): string | undefined {
  const value = environment[name]?.trim()
  if (value === undefined || value === '') return undefined
  const expected = rule(value)
  if (expected === undefined) return value
  throw new BeamClawError(
    'invalid-option',
    `${owner}: environment variable ${name} must be ${expected}, received ${describeValue(value)}`,
    {
      details: { owner, option: name, expected, received: describeValue(value) },
    },
  )
}
