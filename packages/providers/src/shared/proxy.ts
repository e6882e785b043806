/** Finds the proxy of a service in the environment: `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY`, in lower case first, as curl has them. */
import { BeamClawError } from '@beamclaw/core'
import { type Environment, variableOf } from './environment.ts'

/** A proxy that requests are sent through. */
export interface EnvironmentProxy {
  /** The variable that names it. */
  readonly variable: string
  /** Without user name and password. */
  readonly url: string
  /** The value of the header `proxy-authorization`. */
  readonly authorization: string | undefined
  /** Kept out of errors. */
  readonly secrets: readonly string[]
}

/**
 * Returns the proxy for an address; undefined for none. This machine itself is never asked through one. Throws `invalid-option` with the name of the variable, and
 * never with its value, which may hold a password.
 */
export function proxyFor(owner: string, url: URL, environment: Environment): EnvironmentProxy | undefined {
  const names = url.protocol === 'https:' ? ['https_proxy', 'HTTPS_PROXY'] : ['http_proxy', 'HTTP_PROXY']
  const variable = names.find((name) => read(owner, environment, name) !== '')
  if (variable === undefined || isLoopback(url.hostname)) return undefined
  const exceptions = read(owner, environment, 'no_proxy') || read(owner, environment, 'NO_PROXY')
  if (isExcepted(url, exceptions)) return undefined
  const value = read(owner, environment, variable)
  const proxy = URL.parse(value.includes('://') ? value : `http://${value}`)
  const password = proxy === null ? undefined : decoded(proxy.password)
  const user = proxy === null ? undefined : decoded(proxy.username)
  if (proxy === null || !/^https?:$/.test(proxy.protocol) || user === undefined || password === undefined) {
    const expected = 'the address of an HTTP proxy, such as http://proxy.example:3128'
    throw new BeamClawError('invalid-option', `${owner}: environment variable ${variable} must be ${expected}`, {
      details: { owner, option: variable, expected },
    })
  }
  const authorization = user === '' ? undefined : `Basic ${btoa(String.fromCharCode(...new TextEncoder().encode(`${user}:${password}`)))}`
  const secrets = [password, proxy.password, authorization?.slice('Basic '.length) ?? '']
  return { variable, url: proxy.origin, authorization, secrets }
}

function read(owner: string, environment: Environment, name: string): string {
  const value = variableOf(environment, owner, name)
  return typeof value === 'string' ? value.trim() : ''
}

/** Returns undefined for broken escapes. */
function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text)
  } catch {
    return undefined
  }
}

function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname.endsWith('.localhost') || hostname === '[::1]' || /^127\.\d+\.\d+\.\d+$/.test(hostname)
}

const defaultPorts: Readonly<Record<string, string>> = { 'http:': '80', 'https:': '443' }

/** An entry is `*`, or a host with or without a port, which stands for the names below it as well. */
function isExcepted({ hostname, port, protocol }: URL, exceptions: string): boolean {
  return exceptions
    .toLowerCase()
    .split(/[\s,]+/)
    .some((entry) => {
      if (entry === '' || entry === '*') return entry === '*'
      const [, host = '', only] = /^(.*?)(?::(\d+))?$/.exec(entry.replace(/^\*?\./, '')) ?? []
      if (only !== undefined && only !== (port || defaultPorts[protocol])) return false
      return hostname === host || hostname === `[${host}]` || hostname.endsWith(`.${host}`)
    })
}
