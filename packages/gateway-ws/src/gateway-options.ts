/** The options of a gateway, their defaults and their rules. */
import { BeamClawError, type RunningBeamClaw, type SystemServices } from '@beamclaw/core'
import { describeValue } from '@beamclaw/core/adapter'
import type { GatewayAuth } from './auth/token-auth.ts'
import { type GatewayLimits, limitDefaults } from './limits.ts'
import type { ImplementedMethods } from './methods/implement-methods.ts'

/** Options of `Gateway`. Only `claw` is required. */
export interface GatewayOptions {
  /** A running BeamClaw, as `start()` of `BeamClaw` resolves with it. The gateway uses it and does not stop it. */
  readonly claw: RunningBeamClaw
  /** Host to listen on. One that other machines can reach needs `auth.mode` "token". @default '127.0.0.1' */
  readonly host?: string
  /** Port to listen on; 0 takes any free port. @default 4000 */
  readonly port?: number
  /**
   * Lets several processes listen on the same port; the system spreads the connections, so one whose node is drained serves on while others are up. Not on every
   * system: `start` rejects there. @default false
   */
  readonly reusePort?: boolean
  /** How clients authenticate. @default { mode: 'none' } */
  readonly auth?: GatewayAuth
  /** Host names by which clients may reach the gateway, besides `host` and those of loopback. @default [] */
  readonly allowedHosts?: readonly string[]
  /** Browser origins that may use the gateway, besides its own; for example `https://chat.example.com`. @default [] */
  readonly allowedOrigins?: readonly string[]
  /** `<provider>/<model>` of each model that `/v1/models` lists besides the agents and their models. @default [] */
  readonly models?: readonly string[]
  /** Version that `/health` reports. @default '0.0.0' */
  readonly version?: string
  /** Milliseconds that `stop()` waits for runs under way. @default 25000 */
  readonly drainMs?: number
  /** Methods, events and scopes besides the gateway's own, each as `implementMethods` returns it. @default [] */
  readonly methods?: readonly ImplementedMethods[]
  /** Limits on what one client may use. @default those of `GatewayLimits` */
  readonly limits?: Partial<GatewayLimits>
  /** Clock and logger. @default those of the machine */
  readonly services?: Partial<SystemServices>
}

/** Defaults for `GatewayOptions`. */
export const gatewayDefaults = {
  host: '127.0.0.1',
  port: 4000,
  reusePort: false,
  auth: { mode: 'none' },
  allowedHosts: [],
  allowedOrigins: [],
  models: [],
  methods: [],
  version: '0.0.0',
  drainMs: 25_000,
  limits: limitDefaults,
} as const satisfies Partial<GatewayOptions>

const knownOptions: readonly string[] = [...Object.keys(gatewayDefaults), 'claw', 'services']

/** Throws `invalid-option`. Unknown options are rejected too, so that a misspelt `auth` cannot open the gateway. */
export function checkGatewayOptions(options: GatewayOptions): void {
  const refuse = (problem: string): never => {
    throw new BeamClawError('invalid-option', `Gateway: ${problem}`)
  }
  if (typeof options !== 'object' || options === null) refuse('the options must be an object')
  for (const name of Object.keys(options)) {
    if (!knownOptions.includes(name)) refuse(`unknown option "${name.slice(0, 64)}"; known options: ${knownOptions.join(', ')}`)
  }
  const known: readonly string[] = Object.keys(limitDefaults)
  for (const name of Object.keys(options.limits ?? {})) {
    if (!known.includes(name)) refuse(`unknown limit "${name.slice(0, 64)}"; known limits: ${known.join(', ')}`)
  }
  if (typeof options.claw?.session !== 'function' || typeof options.claw.drain !== 'function') {
    refuse('option "claw" must be a running BeamClaw: pass the result of `await new BeamClaw(…).start()`')
  }
  if (options.methods !== undefined && !Array.isArray(options.methods)) {
    refuse(`option "methods" must be an array of results of implementMethods, received ${describeValue(options.methods)}`)
  }
}
