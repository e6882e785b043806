/** `beamclaw cluster`: looks at the gateways that share a store, and empties one. */
import { clusterMethods, type NodeRow } from '@beamclaw/protocol'
import { coloured, harmless, say, sayJson, sayTable, shownDuration } from '../output.ts'
import { type GatewayFlags, withGateway } from './with-gateway.ts'

const { methods } = clusterMethods

export async function clusterStatus(flags: GatewayFlags): Promise<void> {
  const survey = await withGateway(flags, async (client) => methods['cluster.status'].result.parse(await client.call('cluster.status', {})))
  if (flags.json === true) return sayJson(survey)
  const { nodes, desiredNodes } = survey
  sayTable(['NODE', 'STATE', 'SESSIONS', 'BUSY', 'LOAD', 'MEMORY', 'UP FOR', 'VERSION'], nodes.map(shownRow))
  for (const { id, problem } of nodes) if (problem !== undefined) say(`What ${id} does is unknown: ${harmless(problem)}`)
  for (const { id, settings } of nodes) {
    if (settings?.problem !== undefined)
      say(`${id} could not apply version ${settings.version} of the settings: ${harmless(settings.problem)}`)
  }
  const up = nodes.filter(({ state }) => state === 'up').length
  say(`${up} up; the load of the last five minutes asks for ${desiredNodes}`)
}

export interface DrainFlags extends GatewayFlags {
  readonly force?: boolean
}

export async function drainNode(id: string, { force = false, ...flags }: DrainFlags): Promise<void> {
  const drained = await withGateway(flags, async (client) =>
    methods['cluster.drain'].result.parse(await client.call('cluster.drain', force ? { id, force } : { id })),
  )
  if (flags.json === true) return sayJson(drained)
  say(
    `${drained.id} takes no new conversations, and hands its own to another node that is up; "beamclaw cluster status" shows how far it is. Stop it then, or start it anew to take it back`,
  )
}

function shownRow({ id, isSelf, state, sessions, busySessions, load, rssBytes, uptimeMs, version }: NodeRow): string[] {
  return [
    isSelf ? `${id} *` : id,
    coloured(state === 'up' ? 'green' : 'yellow', state),
    String(sessions ?? '-'),
    String(busySessions ?? '-'),
    load === undefined ? '-' : `${Math.round(load * 100)} %`,
    rssBytes === undefined ? '-' : `${Math.round(rssBytes / 1_048_576)} MB`,
    uptimeMs === undefined ? '-' : shownDuration(uptimeMs),
    harmless(version ?? '-'),
  ]
}
