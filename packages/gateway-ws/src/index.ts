export type { GatewayAuth } from './auth/token-auth.ts'
export { Gateway } from './gateway.ts'
export { type GatewayOptions, gatewayDefaults } from './gateway-options.ts'
export type { Peer } from './http/peer.ts'
export type { GatewayLimits } from './limits.ts'
export {
  type AnyImplementation,
  type ConnectionInfo,
  type ImplementationHooks,
  type ImplementedMethods,
  implementMethods,
  type MethodContext,
  type MethodImplementations,
  type Publish,
} from './methods/implement-methods.ts'
export { implementProcesses } from './process-methods.ts'
export { implementSubAgents } from './sub-agent-methods.ts'
