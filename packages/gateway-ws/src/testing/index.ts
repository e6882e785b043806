// For the system tests of this workspace. It is no entry of the published package, and its files are not shipped.
export { RawClient } from './raw-client.ts'
export { type CrowdReport, ReturningClients } from './returning-clients.ts'
