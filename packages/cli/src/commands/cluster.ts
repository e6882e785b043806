/** `beamclaw cluster`: looks at the gateways that share a store, and empties one. */
import { clusterMethods, type NodeRow, type TreeRow } from '@beamclaw/protocol'
import { coloured, harmless, say, sayJson, sayTable, shownDuration } from '../output.ts'
import { count } from './arguments.ts'
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

export interface TreeFlags extends GatewayFlags {
  readonly children?: string
}

export async function clusterTree({ children, ...flags }: TreeFlags): Promise<void> {
  const params = children === undefined ? {} : { mostChildren: count('--children', children, 100) }
  const { nodes } = await withGateway(flags, async (client) =>
    methods['cluster.tree'].result.parse(await client.call('cluster.tree', params)),
  )
  if (flags.json === true) return sayJson({ nodes })
  for (const { id, isSelf, state, tree, problem } of nodes) {
    say(`${isSelf ? `${id} *` : id}  ${coloured(state === 'up' ? 'green' : 'yellow', state)}`)
    if (tree === undefined) say(`└─ unknown: ${harmless(problem ?? '')}`)
    else sayTree(tree, '')
  }
}

/** Prints what is below a node of a tree, each line begun by `before`. */
function sayTree({ children = [], more = 0 }: TreeRow, before: string): void {
  const last = more > 0 ? children.length : children.length - 1
  for (const [index, child] of children.entries()) {
    say(`${before}${index === last ? '└─' : '├─'} ${shownChild(child)}`)
    sayTree(child, `${before}${index === last ? '   ' : '│  '}`)
  }
  if (more > 0) say(`${before}└─ ${coloured('dim', `and ${more} more`)}`)
}

/** What is as usual is not mentioned. */
function shownChild({ id, state, restarts, mailboxLength }: TreeRow): string {
  const facts = [
    state === 'running' ? undefined : coloured('yellow', harmless(state)),
    restarts === 0 ? undefined : `${restarts} restart${restarts === 1 ? '' : 's'}`,
    mailboxLength === 0 ? undefined : `${mailboxLength} waiting`,
  ].filter((fact) => fact !== undefined)
  return facts.length === 0 ? harmless(id) : `${harmless(id)}  ${facts.join(', ')}`
}

export interface DrainFlags extends GatewayFlags {
  readonly force?: boolean
}

export async function drainNode(id: string, { force = false, ...flags }: DrainFlags): Promise<void> {
  const drained = await withGateway(flags, async (client) =>
    methods['cluster.drain'].result.parse(await client.call('cluster.drain', force ? { id, force } : { id })),
  )
  if (flags.json === true) return sayJson(drained)
  const fate = force
    ? 'its own go to another node that is up, if there is one; without one, new messages are refused until a node is started'
    : 'and hands its own to another node that is up'
  say(
    `${drained.id} takes no new conversations${force ? ';' : ','} ${fate}; "beamclaw cluster status" shows how far it is. Stop it then, or start it anew to take it back`,
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
