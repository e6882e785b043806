/** `beamclaw models`: lists the models of the HTTP API. */
import * as z from 'zod'
import { ClientError } from '../client/client-error.ts'
import { ask, reachGateway } from '../client/reach-gateway.ts'
import { sayJson, sayTable } from '../output.ts'
import { type GatewayFlags, targetOf } from './with-gateway.ts'

const timeoutMs = 10_000

const listSchema = z.object({ data: z.array(z.object({ id: z.string() })) })

export async function models(flags: GatewayFlags): Promise<void> {
  const { url, token } = targetOf(flags)
  await reachGateway(url, timeoutMs)
  const response = await ask(`${url}/v1/models`, timeoutMs, token === undefined ? {} : { authorization: `Bearer ${token}` })
  if (response.status === 401) {
    throw new ClientError('AUTH_TOKEN_MISMATCH', 'the gateway wants its token; pass --token or set BEAMCLAW_GATEWAY_TOKEN')
  }
  const list = listSchema.safeParse(await response.json().catch(() => undefined))
  if (!response.ok || !list.success) throw new ClientError('refused', `The gateway answered ${response.status} to the list of models`)
  const ids = list.data.data.map(({ id }) => id)
  if (flags.json === true) return sayJson({ models: ids })
  const rows = ids.map((id) => [id, id.startsWith('beamclaw/') ? 'agent' : 'model'])
  sayTable(['MODEL', 'KIND'], rows)
}
