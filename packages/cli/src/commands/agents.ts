/** `beamclaw agents`: lists the agents. */
import { sayJson, sayTable } from '../output.ts'
import { type GatewayFlags, withGateway } from './with-gateway.ts'

export async function agents(flags: GatewayFlags): Promise<void> {
  const list = await withGateway(flags, (client) => client.request('agents.list', {}))
  if (flags.json === true) return sayJson(list)
  const rows = list.agents.map(({ id, model }) => [id, model.primary, id === list.defaultId ? 'yes' : ''])
  sayTable(['AGENT', 'MODEL', 'DEFAULT'], rows)
}
