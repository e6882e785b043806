// For the system tests of this workspace. It is no entry of the published package, and its files are not shipped.
export { type LogLine, logged, logLine } from './gateway-log.ts'
export { type GatewayProcess, startGateway } from './gateway-process.ts'
