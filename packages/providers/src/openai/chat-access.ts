/** Finds the dialect of a provider, its address and its key. */
import { BeamClawError } from '@beamclaw/core'
import { accessOf } from '../shared/environment.ts'
import { mergeHeaders } from '../shared/http-options.ts'
import type { ServiceTarget } from '../shared/model-service.ts'
import { serviceOf } from '../shared/service-name.ts'
import type { ChatDialect } from './dialects/dialect.ts'
import { dialectAt, dialects } from './dialects/dialect-table.ts'
import type { OpenAiChatProviderOptions } from './openai-options.ts'

/** Where requests go, as whom, and in which dialect. */
export interface ChatAccess extends ServiceTarget {
  readonly dialect: ChatDialect
  readonly keyVariable: string
  /** The name under which messages keep what the service needs back. */
  readonly service: string
}

/** Returns the access for checked options. Throws `invalid-option`. */
export function chatAccessOf(owner: string, options: OpenAiChatProviderOptions): ChatAccess {
  const chosen = options.dialect === undefined ? undefined : dialects[options.dialect]
  const named = chosen ?? (options.baseUrl === undefined ? dialects.openai : dialectAt(options.baseUrl))
  const { apiKey, keyVariable, baseUrl } = accessAs(owner, named, options)
  // An address of the environment may be any service's.
  const dialect = chosen ?? dialectAt(baseUrl)
  const url = new URL(baseUrl)
  const isOwn = url.origin === dialect.ownOrigin
  const key: Readonly<Record<string, string>> =
    apiKey === undefined ? {} : dialect.keyHeader === 'api-key' ? { 'api-key': apiKey } : { authorization: `Bearer ${apiKey}` }
  return {
    dialect,
    baseUrl,
    apiKey,
    keyVariable,
    headers: mergeHeaders(key, options.headers),
    name: isOwn ? dialect.title : `The model server ${url.host}`,
    service: serviceOf(options.service, url, isOwn ? url.host : '', dialect.name),
  }
}

/** Reads the variables of a dialect. A key of the environment goes to the dialect's own origin, or to the address that the environment names with it. */
function accessAs(
  owner: string,
  dialect: ChatDialect,
  options: OpenAiChatProviderOptions,
): Pick<ChatAccess, 'baseUrl' | 'apiKey' | 'keyVariable'> {
  const { name, variables, ownOrigin } = dialect.name === 'generic' ? { ...dialects.openai, name: dialect.name } : dialect
  const defaultUrl = name === 'generic' ? dialects.openai.baseUrl : dialect.baseUrl
  const isLocal = defaultUrl !== undefined && new URL(defaultUrl).origin !== ownOrigin
  const keyVariable = `${variables}_API_KEY`
  const access = accessOf(options, {
    owner,
    apiKey: keyVariable,
    baseUrl: `${variables}_BASE_URL`,
    ownOrigin,
    localUrl: isLocal ? defaultUrl : undefined,
  })
  const baseUrl = access.baseUrl ?? defaultUrl
  if (baseUrl !== undefined) return { apiKey: access.apiKey, keyVariable, baseUrl: name === 'azure' ? withVersion(baseUrl) : baseUrl }
  const expected = 'the address of your own resource'
  throw new BeamClawError('invalid-option', `${owner}: option "baseUrl" is required for the dialect "${name}": ${expected}`, {
    details: { owner, option: 'baseUrl', expected, received: 'undefined' },
  })
}

/** Azure shows the address of a resource without the path of its API. */
function withVersion(baseUrl: string): string {
  const { origin, pathname, search } = new URL(baseUrl)
  return pathname === '/' ? `${origin}/openai/v1${search}` : baseUrl
}
