export type { GatewayAuth } from './auth/token-auth.ts'
export { Gateway, type GatewayOptions, gatewayDefaults } from './gateway.ts'
