/** `beamclaw processes`: looks at the background processes of tools, and ends them. */
import { text as textOfStream } from 'node:stream/consumers'
import type { ProcessRow } from '@beamclaw/protocol'
import { processMethods } from '@beamclaw/protocol'
import { ClientError } from '../client/client-error.ts'
import type { GatewayClient } from '../client/gateway-client.ts'
import { harmless, say, sayJson, sayTable, shownAge } from '../output.ts'
import { type GatewayFlags, withGateway } from './with-gateway.ts'

export interface ListProcessesFlags extends GatewayFlags {
  readonly session?: string
  readonly running?: boolean
}

export interface TailFlags extends GatewayFlags {
  readonly follow?: boolean
  readonly bytes?: string
}

export interface WriteFlags extends GatewayFlags {
  readonly end?: boolean
}

const { methods } = processMethods

export async function listProcesses({ session, running, ...flags }: ListProcessesFlags): Promise<void> {
  const params = { ...(session === undefined ? {} : { sessionKey: session }), ...(running === true ? { running: true } : {}) }
  const { processes } = await withGateway(flags, async (client) =>
    methods['processes.list'].result.parse(await client.call('processes.list', params)),
  )
  if (flags.json === true) return sayJson({ processes })
  if (processes.length === 0) return say('There are no background processes')
  const rows = processes.map((row) => [
    row.id,
    stateOf(row),
    shownAge(row),
    row.sessionKey,
    harmless(row.command).replaceAll(/\s+/g, ' ').slice(0, 60),
  ])
  sayTable(['ID', 'STATE', 'TIME', 'SESSION', 'COMMAND'], rows)
}

export async function tailProcess(id: string, { follow = false, bytes, ...flags }: TailFlags): Promise<void> {
  const maxBytes = bytes === undefined ? 8_192 : Number(bytes)
  if (!Number.isInteger(maxBytes) || maxBytes < 64 || maxBytes > 1_048_576)
    throw new ClientError('invalid-usage', '--bytes: expected a whole number from 64 to 1048576')
  await withGateway(flags, async (client) => {
    let piece = methods['processes.tail'].result.parse(await client.call('processes.tail', { id, maxBytes }))
    sayPiece(piece, flags.json)
    while (follow && !piece.isEnd) {
      const params = { id, from: piece.next, waitMs: 20_000 }
      piece = methods['processes.read'].result.parse(await client.call('processes.read', params))
      if (piece.text !== '' || piece.isEnd) sayPiece(piece, flags.json)
    }
  })
}

export async function killProcess(id: string, flags: GatewayFlags): Promise<void> {
  const row = await withGateway(flags, async (client) =>
    methods['processes.kill'].result.parse(await client.call('processes.kill', { id })),
  )
  if (flags.json === true) return sayJson(row)
  if ((row.survivors ?? 0) > 0) throw new ClientError('process-survived', `${row.survivors} processes of ${id} could not be ended`)
  say(`${id}: ${stateOf(row)}`)
}

export async function writeProcess(id: string, given: string, { end = false, ...flags }: WriteFlags): Promise<void> {
  const text = given === '-' ? await textOfStream(process.stdin) : `${given}\n`
  await withGateway(flags, (client: GatewayClient) => client.call('processes.write', { id, text, endInput: end }))
  if (flags.json === true) return sayJson({ id })
  say(`Written to ${id}`)
}

interface Piece {
  readonly text: string
  readonly missed: number
}

function sayPiece(piece: Piece, json: boolean | undefined): void {
  if (json === true) return sayJson(piece)
  if (piece.missed > 0) process.stdout.write(`[${piece.missed} bytes are no longer kept]\n`)
  process.stdout.write(harmless(piece.text))
}

function stateOf({ status, exitCode, signal }: ProcessRow): string {
  if (exitCode !== undefined) return `${status} (${exitCode})`
  return signal === undefined ? status : `${status} (${signal})`
}
