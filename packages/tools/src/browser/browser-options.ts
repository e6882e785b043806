/** The options of `Browsers`, checked once. */
import { checkOptions, duration, integer, text } from '@beamclaw/core/adapter'
import { AddressPolicy } from '../web/address-policy.ts'
import { type Dial, type Resolver, systemResolver } from '../web/guarded-connector.ts'
import { definedOnly, type WebOptions, webOptionRules } from '../web/web-options.ts'

/** Options of `Browsers`. What pages may reach is said as for `webFetchTool`. */
export interface BrowsersOptions extends Pick<WebOptions, 'allowHosts' | 'denyHosts' | 'ports' | 'resolve'> {
  /** Path of Chromium or Chrome. @default the first on the path */
  readonly executablePath?: string
  /** Milliseconds without a call after which the page of a session is closed; Chromium ends with its last page. @default 300000 */
  readonly idleMs?: number
  /** Sessions of one tenant that have a page at the same time; one more closes the page that was not used for the longest time. @default 8 */
  readonly maxPages?: number
  /** Bytes of memory of one Chromium with all its pages; above it Chromium is ended. Read on Linux only. @default 2147483648 */
  readonly maxMemoryBytes?: number
  /** Milliseconds for one action; a page that does not respond by then is closed. @default 30000 */
  readonly timeoutMs?: number
}

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
