/** `beamclaw status`: prints the state of the gateway. */
import { coloured, say, sayJson, shownDuration } from '../output.ts'
import { type GatewayFlags, targetOf, withGateway } from './with-gateway.ts'

export async function status(flags: GatewayFlags): Promise<void> {
  const { url } = targetOf(flags)
  const now = await withGateway(flags, (client) => client.request('status', {}))
  if (flags.json === true) return sayJson({ url, ...now })
  const nodes = now.nodes.map(({ id, state }) => (state === 'up' ? id : `${id} (${state})`))
  const lines = [
    ['gateway', `${url}, version ${now.version}`],
    ['state', coloured(now.readiness === 'ready' ? 'green' : 'yellow', now.readiness)],
    ['up for', shownDuration(now.uptimeMs)],
    ['agents', now.agents.map(({ id, model }) => `${id} (${model})`).join(', ')],
    ['sessions', `${now.processes.sessions} in memory at this gateway`],
    ['connections', String(now.connections)],
    ...(nodes.length > 1 ? [['nodes', nodes.join(', ')] as const] : []),
    ['memory', `${Math.round(now.memory.rssBytes / 1_048_576)} MB`],
  ] as readonly (readonly [string, string])[]
  for (const [name, value] of lines) say(`${name.padEnd(12)} ${value}`)
}
