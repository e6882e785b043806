/** The options of a gateway, their defaults and their rules. */
import { BeamClawError, type RunningBeamClaw, type SystemServices } from '@beamclaw/core'
import { describeValue } from '@beamclaw/core/adapter'
import type { GatewayAuth } from './auth/token-auth.ts'
import { type GatewayLimits, limitDefaults } from './limits.ts'
import type { ImplementedMethods } from './methods/implement-methods.ts'

export interface GatewayOptions {
  readonly claw: RunningBeamClaw
  /** A host that others can reach needs `auth.mode` "token". @default '127.0.0.1' */
  readonly host?: string
  /** 0 takes any free port. @default 4000 */
  readonly port?: number
  /** @default { mode: 'none' } */
  readonly auth?: GatewayAuth
  /** Names that clients may reach the gateway by, besides `host` and those of loopback. @default [] */
  readonly allowedHosts?: readonly string[]
  /** Browser origins that may use the gateway, besides its own; for example `https://chat.example.com`. @default [] */
  readonly allowedOrigins?: readonly string[]
  /** `<provider>/<model>` of what `/v1/models` lists besides the agents and their models. @default [] */
  readonly models?: readonly string[]
  /** Shown by `/health`. @default '0.0.0' */
  readonly version?: string
  /** Milliseconds that runs under way may take after `stop()`. @default 25000 */
  readonly drainMs?: number
  /** Methods, events and scopes besides the gateway's own, each as `implementMethods` returns it. @default [] */
  readonly methods?: readonly ImplementedMethods[]
  /** What one client may cost the others. */
  readonly limits?: Partial<GatewayLimits>
  /** Clock and logger. @default the machine's own */
  readonly services?: Partial<SystemServices>
}

/** Defaults for `GatewayOptions`. */
export const gatewayDefaults = {
  host: '127.0.0.1',
  port: 4000,
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

/** Throws `invalid-option`: above all, a misspelt `auth` must not open the gateway to everybody. */
export function checkGatewayOptions(options: GatewayOptions): void {
  const refuse = (problem: string): never => {
    throw new BeamClawError('invalid-option', `Gateway: ${problem}`)
  }
  if (typeof options !== 'object' || options === null) refuse('the options must be an object')
  for (const name of Object.keys(options)) {
    if (!knownOptions.includes(name)) refuse(`unknown option "${name.slice(0, 64)}"; known options are ${knownOptions.join(', ')}`)
  }
  const known: readonly string[] = Object.keys(limitDefaults)
  for (const name of Object.keys(options.limits ?? {})) {
    if (!known.includes(name)) refuse(`unknown limit "${name.slice(0, 64)}"; known limits are ${known.join(', ')}`)
  }
  if (typeof options.claw?.session !== 'function' || typeof options.claw.drain !== 'function') {
    refuse('option "claw" must be a BeamClaw that runs: pass what `await new BeamClaw(…).start()` resolves with')
  }
  if (options.methods !== undefined && !Array.isArray(options.methods)) {
    refuse(`option "methods" must be an array of what implementMethods returns, received ${describeValue(options.methods)}`)
  }
}
