/** The gateway's HTTP routes, as one function from Request to Response. */
import type { RunningBeamClaw } from '@beamclaw/core'
import { Hono } from 'hono'
import { type GatewayAuth, isAuthorized } from '../auth/token-auth.ts'
import { chatCompletions } from './chat-completions.ts'
import { failureBody, HttpFailure, toFailure } from './http-failure.ts'

export interface HttpAppOptions {
  readonly claw: RunningBeamClaw
  readonly auth: GatewayAuth
  readonly version: string
  /** Wall time in milliseconds. */
  readonly now: () => number
  /** Whether sessions are accepted. */
  readonly readiness: () => 'ready' | 'starting' | 'draining'
}

export function httpApp({ claw, auth, version, now, readiness }: HttpAppOptions): Hono {
  const startedAt = now()
  const app = new Hono()
  app.onError((error, context) => {
    const failure = toFailure(error)
    return context.json(failureBody(failure), failure.status as 400)
  })
  app.notFound((context) =>
    context.json(failureBody(new HttpFailure(404, 'invalid_request_error', 'not_found', 'There is nothing at this address')), 404),
  )
  app.get('/health', (context) => context.json({ status: 'ok', version, uptimeMs: Math.max(0, Math.round(now() - startedAt)) }))
  app.get('/ready', (context) => (readiness() === 'ready' ? context.json({ status: 'ready' }) : context.json({ status: readiness() }, 503)))
  app.use('/v1/*', async (context, next) => {
    if (isAuthorized(auth, context.req.header('authorization'))) return next()
    throw new HttpFailure(
      401,
      'authentication_error',
      'invalid_token',
      'This needs the header "Authorization: Bearer <token>" with the gateway\'s token',
    )
  })
  app.get('/v1/models', (context) => {
    const created = Math.floor(startedAt / 1000)
    const ids = [...claw.agents.map((agent) => `beamclaw/${agent.id}`), ...new Set(claw.agents.map((agent) => agent.model))]
    return context.json({ object: 'list', data: ids.map((id) => ({ id, object: 'model', created, owned_by: 'beamclaw' })) })
  })
  app.post('/v1/chat/completions', (context) => chatCompletions(context, claw, now))
  return app
}
