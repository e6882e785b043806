/** `beamclaw redrive`: sends the message of a dead-lettered run again, or lists the dead letters. */
import { harmless, say, sayJson, sayTable, shownTime } from '../output.ts'
import { type GatewayFlags, withGateway } from './with-gateway.ts'

export async function redrive(sessionKey: string, runId: string | undefined, flags: GatewayFlags): Promise<void> {
  if (runId === undefined) return listDeadLetters(sessionKey, flags)
  const redriven = await withGateway(flags, (client) => client.request('sessions.redrive', { sessionKey, runId }))
  if (flags.json === true) return sayJson(redriven)
  say(`${redriven.runId} ${shownStatus[redriven.status]}`)
}

const shownStatus = {
  started: 'has begun',
  in_flight: 'is under way',
  ok: 'is completed',
  error: 'has failed',
  aborted: 'was aborted',
} as const

async function listDeadLetters(sessionKey: string, flags: GatewayFlags): Promise<void> {
  const page = await withGateway(flags, (client) => client.request('sessions.deadLetters', { sessionKey }))
  if (flags.json === true) return sayJson(page)
  if (page.deadLetters.length === 0) return say(`${page.sessionKey} has no dead letters`)
  const rows = page.deadLetters.map(({ runId, at, text }) => [runId, shownTime(at), harmless(text).replaceAll(/\s+/g, ' ').slice(0, 60)])
  sayTable(['RUN', 'GIVEN UP', 'MESSAGE'], rows)
}
