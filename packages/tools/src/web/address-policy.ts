/**
 * Decides which URLs and addresses a request may reach. The rules are a table, so that a test can remove each of them and see that the corpus of
 * attacks notices.
 */
import ipaddr from 'ipaddr.js'
import { urlRefused } from './fetch-errors.ts'
import { type HostPatterns, hostPatterns } from './host-pattern.ts'
import { canonicalHost, type IpAddress, parseAddress } from './ip-address.ts'

/** What the host of a program allows, as its options say it. */
export interface PolicyOptions {
  readonly allowHosts: readonly string[]
  readonly denyHosts: readonly string[]
  readonly ports: readonly number[] | 'any'
  /** Hosts that the operator configured as a service: reached at whatever address they have. */
  readonly trustedHosts: readonly string[]
}

/** A hop from one URL to the next. */
export interface Redirect {
  readonly from: URL
  readonly to: URL
  /** Counts from 1. */
  readonly hop: number
  readonly maxHops: number
  readonly hasBody: boolean
}

/** One rule: returns why it refuses, or `undefined`. */
interface RuleOf<Stage extends string, Subject> {
  readonly name: string
  readonly stage: Stage
  readonly refuses: (subject: Subject, policy: Patterns) => string | undefined
}

type Rule = RuleOf<'url', URL> | RuleOf<'address', IpAddress> | RuleOf<'redirect', Redirect>

/** Where addresses are checked: in the URL, in the answers of DNS, and at the other end of the open socket. */
export type Checkpoint = 'literal' | 'answer' | 'socket'

/** What a policy consists of. */
export interface PolicyParts {
  readonly rules: readonly Rule[]
  readonly checkpoints: readonly Checkpoint[]
}

interface Patterns {
  readonly allowed: HostPatterns
  readonly denied: HostPatterns
  readonly ports: readonly number[] | 'any'
}

// The wire server of Azure, which hands out credentials at an address of the public range. Those of other clouds are in ranges that are refused.
const metadataAddresses: ReadonlySet<string> = new Set(['168.63.129.16'])
const globalUnicast = ipaddr.IPv6.parseCIDR('2000::/3')

const rules: readonly Rule[] = [
  {
    name: 'scheme',
    stage: 'url',
    refuses: ({ protocol }) => (/^https?:$/.test(protocol) ? undefined : `its scheme is "${protocol.slice(0, 20)}", not http or https`),
  },
  {
    name: 'userinfo',
    stage: 'url',
    refuses: ({ username, password }) => (username === '' && password === '' ? undefined : 'it has a user name or a password'),
  },
  {
    name: 'port',
    stage: 'url',
    refuses: (url, { ports }) =>
      ports === 'any' || ports.includes(portOf(url))
        ? undefined
        : `port ${portOf(url)} is not allowed (allowed: ${ports.join(', ') || 'none'})`,
  },
  {
    name: 'allowed-host',
    stage: 'url',
    refuses: ({ hostname }, { allowed }) => (covers(allowed, hostname) ? undefined : 'its host is not in the list of allowed hosts'),
  },
  {
    name: 'denied-host',
    stage: 'url',
    refuses: ({ hostname }, { denied }) => (covers(denied, hostname) ? 'its host is in the list of denied hosts' : undefined),
  },
  {
    name: 'denied-address',
    stage: 'address',
    refuses: (address, { denied }) => (denied.coversAddress(address) ? 'its address is in the list of denied hosts' : undefined),
  },
  {
    name: 'range',
    stage: 'address',
    refuses: (address) => (address.range() === 'unicast' ? undefined : `its address is not a public one (${address.range()})`),
  },
  {
    // Of what ipaddr.js calls unicast, `::/96` and other unassigned space is no public address.
    name: 'global-unicast',
    stage: 'address',
    refuses: (address) =>
      address instanceof ipaddr.IPv4 || address.match(globalUnicast) ? undefined : 'its address is not a public one (outside 2000::/3)',
  },
  {
    name: 'metadata',
    stage: 'address',
    refuses: (address) => (metadataAddresses.has(address.toString()) ? 'its address is that of a cloud metadata service' : undefined),
  },
  {
    name: 'redirect-count',
    stage: 'redirect',
    refuses: ({ hop, maxHops }) => (hop > maxHops ? `more than ${maxHops} redirects` : undefined),
  },
  {
    name: 'redirect-downgrade',
    stage: 'redirect',
    refuses: ({ from, to }) => (from.protocol === 'https:' && to.protocol === 'http:' ? 'a redirect from https to http' : undefined),
  },
  {
    name: 'redirect-body',
    stage: 'redirect',
    refuses: ({ from, to, hasBody }) =>
      hasBody && from.origin !== to.origin ? 'a redirect that takes the body to another origin' : undefined,
  },
]

/** All rules and checkpoints. */
export const fullPolicy: PolicyParts = { rules, checkpoints: ['literal', 'answer', 'socket'] }

/** The decisions for one client. Holds no state but its options. */
export class AddressPolicy {
  readonly #patterns: Patterns
  readonly #trusted: ReadonlySet<string>
  readonly #parts: PolicyParts

  constructor({ allowHosts, denyHosts, ports, trustedHosts }: PolicyOptions, parts: PolicyParts = fullPolicy) {
    this.#patterns = { allowed: hostPatterns(allowHosts), denied: hostPatterns(denyHosts), ports }
    this.#trusted = new Set(trustedHosts.map(keyOf))
    this.#parts = parts
  }

  /** Throws `url-refused` for a URL that must not be requested, whatever its address. */
  checkUrl(url: URL): void {
    for (const rule of this.#parts.rules) if (rule.stage === 'url') this.#refuse(rule.name, rule.refuses(url, this.#patterns), url.hostname)
  }

  /** Throws `url-refused` for a redirect that must not be followed, whatever its target. */
  checkRedirect(redirect: Redirect): void {
    for (const rule of this.#parts.rules)
      if (rule.stage === 'redirect') this.#refuse(rule.name, rule.refuses(redirect, this.#patterns), redirect.to.hostname)
  }

  /** Throws `url-refused` when `host` is an address that must not be reached. Returns whether it is an address. */
  checkLiteral(host: string): boolean {
    const isLiteral = parseAddress(host) !== undefined
    if (isLiteral) this.#checkAddress('literal', host, host)
    return isLiteral
  }

  /** Returns those of the addresses of a name that may be reached. Throws `url-refused` when there is none. */
  reachable<T extends { readonly address: string }>(host: string, answers: readonly T[]): readonly T[] {
    let firstRefusal: unknown
    const kept = answers.filter(({ address }) => {
      try {
        this.#checkAddress('answer', address, host)
        return true
      } catch (error) {
        firstRefusal ??= error
        return false
      }
    })
    if (kept.length === 0 && firstRefusal !== undefined) throw firstRefusal
    return kept
  }

  /** Throws `url-refused` when a socket for `host` is connected to an address that must not be reached. */
  checkSocket(host: string, remoteAddress: string | undefined): void {
    this.#checkAddress('socket', remoteAddress ?? '', host)
  }

  #checkAddress(checkpoint: Checkpoint, text: string, host: string): void {
    if (!this.#parts.checkpoints.includes(checkpoint)) return
    const address = parseAddress(text)
    if (address === undefined) return this.#refuse('address', 'its address cannot be read', host)
    const mayBePrivate = this.#mayBePrivate(address, host)
    for (const rule of this.#parts.rules) {
      if (rule.stage !== 'address' || (mayBePrivate && rule.name !== 'denied-address')) continue
      this.#refuse(rule.name, rule.refuses(address, this.#patterns), host)
    }
  }

  /**
   * An address is allowed explicitly when an entry has it, and the host is this very address, or a name that another entry covers explicitly: with
   * `['*', '127.0.0.1']` no stranger's name may point at this machine.
   */
  #mayBePrivate(address: IpAddress, host: string): boolean {
    if (this.#trusted.has(keyOf(host))) return true
    const { allowed } = this.#patterns
    return allowed.coversAddress(address) && (parseAddress(host) !== undefined || allowed.namesExplicitly(nameOf(host)))
  }

  #refuse(rule: string, reason: string | undefined, host: string): void {
    if (reason !== undefined) throw urlRefused(rule, reason, host)
  }
}

function covers(patterns: HostPatterns, host: string): boolean {
  const address = parseAddress(host)
  return patterns.coversName(nameOf(host)) || (address !== undefined && patterns.coversAddress(address))
}

/** One text for all spellings of a host. */
function keyOf(host: string): string {
  return parseAddress(host)?.toString() ?? nameOf(canonicalHost(host) ?? host)
}

function nameOf(host: string): string {
  return host.toLowerCase().replace(/\.$/, '')
}

function portOf({ port, protocol }: URL): number {
  return port === '' ? (protocol === 'https:' ? 443 : 80) : Number(port)
}
