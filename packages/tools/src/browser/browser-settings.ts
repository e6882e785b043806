/** The options of `Browsers` with their defaults, checked once. */
import { checkOptions, definedOnly, duration, integer, text } from '@beamclaw/core/adapter'
import { AddressPolicy } from '../web/address-policy.ts'
import { type Dial, systemResolver } from '../web/guarded-connector.ts'
import type { Resolver } from '../web/resolver.ts'
import { webOptionRules } from '../web/web-options.ts'
import type { BrowsersOptions } from './browser-options.ts'

/** Defaults for `Browsers`. */
const browsersDefaults = {
  allowHosts: ['*'],
  denyHosts: [],
  ports: [80, 443],
  resolve: systemResolver,
  idleMs: 300_000,
  maxPages: 8,
  maxMemoryBytes: 2 * 1024 ** 3,
  timeoutMs: 30_000,
} as const satisfies BrowsersOptions

/** Options with their defaults. */
export interface BrowserSettings {
  readonly policy: AddressPolicy
  readonly resolve: Resolver
  /** Opens connections. For tests. */
  readonly dial?: Dial
  readonly executablePath?: string
  readonly idleMs: number
  readonly maxPages: number
  readonly maxMemoryBytes: number
  readonly timeoutMs: number
}

/** Returns the options with their defaults. Throws `invalid-option`. */
export function browserSettings(options: BrowsersOptions): BrowserSettings {
  const { allowHosts: allowed, denyHosts: denied, ports: somePorts, resolve: aResolver } = webOptionRules
  checkOptions<BrowsersOptions>('Browsers', options, {
    allowHosts: allowed,
    denyHosts: denied,
    ports: somePorts,
    resolve: aResolver,
    executablePath: text(4_096),
    idleMs: duration(1_000),
    maxPages: integer(1, 1_000),
    maxMemoryBytes: integer(1),
    timeoutMs: duration(100),
  })
  const { allowHosts, denyHosts, ports, ...rest } = { ...browsersDefaults, ...definedOnly(options) }
  return { ...rest, policy: new AddressPolicy({ allowHosts, denyHosts, ports, trustedHosts: [] }) }
}
