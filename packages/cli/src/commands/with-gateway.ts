/** The common part of the commands that connect to a gateway. */
import { GatewayClient } from '../client/gateway-client.ts'
import { type Target, type TargetFlags, targetFrom } from '../client/target.ts'

export interface GatewayFlags extends TargetFlags {
  readonly json?: boolean
}

/** Returns the gateway that the flags select. Throws `ConfigError`. */
export function targetOf(flags: TargetFlags): Target {
  return targetFrom(flags, process.env, process.cwd())
}

/** Connects, calls `work`, and always disconnects. */
export async function withGateway<T>(flags: TargetFlags, work: (client: GatewayClient) => Promise<T>): Promise<T> {
  await using client = await GatewayClient.connect(targetOf(flags))
  return await work(client)
}
