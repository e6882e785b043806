export type { GatewayAuth } from './auth/token-auth.ts'
export { Gateway, type GatewayOptions, gatewayDefaults } from './gateway.ts'
export type { Peer } from './http/peer.ts'
export type { GatewayLimits } from './limits.ts'
