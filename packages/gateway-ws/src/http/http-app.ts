/** The gateway's HTTP routes, as one function from Request to Response. */

import { Hono } from 'hono'
import { cors } from 'hono/cors'
import { methodNotAllowed } from 'hono/method-not-allowed'
import { decideApproval, getApproval, listApprovals } from './approvals.ts'
import { attachmentResponse } from './attachment.ts'
import { BodyBudget } from './body-budget.ts'
import { chatCompletions } from './chat-completions.ts'
import { frontPage } from './front-page.ts'
import { type HttpEnv, onlyAuthorized, onlyJson, onlyOwnSite } from './guard.ts'
import type { HttpAppOptions } from './http-app-options.ts'
import { badRequest, failureBody, failureHeaders, HttpFailure, isForLog, toFailure } from './http-failure.ts'

const refusals = {
  draining: (): HttpFailure =>
    new HttpFailure(
      503,
      'server_error',
      'draining',
      'The gateway is stopping and accepts no new requests; try again after its restart',
      1_000,
    ),
  isolated: (): HttpFailure =>
    new HttpFailure(
      503,
      'server_error',
      'node-isolated',
      'This gateway is cut off from its cluster and does nothing until it is back; try again, at another gateway if there is one',
      1_000,
    ),
} as const

export function httpApp(options: HttpAppOptions): Hono<HttpEnv> {
  const { claw, auth, failedAuth, rules, limits, models, version, logger, now, uptimeMs, admission, cluster } = options
  const created = Math.floor(now() / 1_000)
  const app = new Hono<HttpEnv>()
  app.onError((error, context) => {
    const failure = toFailure(error)
    if (isForLog(error)) logger.log('error', 'gateway.request-failed', { path: context.req.path, error: error.stack ?? error.message })
    return context.json(failureBody(failure), failure.status as 400, failureHeaders(failure))
  })
  app.notFound((context) => context.json(failureBody(badRequest('Not found; see GET / for the routes', 'not_found', 404)), 404))
  app.use(onlyOwnSite(rules))
  app.use(
    methodNotAllowed({
      app,
      onMethodNotAllowed: (context, methods) => {
        const failure = badRequest(`Method not allowed; use ${methods.join(' or ')}`, 'method-not-allowed', 405)
        return context.json(failureBody(failure), 405, { allow: methods.join(', ') })
      },
    }),
  )
  if (rules.allowedOrigins.length > 0) {
    app.use(cors({ origin: [...rules.allowedOrigins], exposeHeaders: ['x-beamclaw-run-id', 'retry-after'], maxAge: 600 }))
  }
  app.get('/', (context) => context.text(frontPage(version)))
  app.get('/health', (context) => context.json({ status: 'ok', version, uptimeMs: uptimeMs() }))
  app.get('/ready', (context) => context.json({ status: admission.readiness }, admission.readiness === 'ready' ? 200 : 503))
  app.use('/metrics', onlyAuthorized(auth, failedAuth))
  app.get('/metrics', (context) => context.text(cluster.metrics(), 200, { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' }))
  app.use('/v1/*', onlyAuthorized(auth, failedAuth))
  app.get('/v1/cluster/scale', async (context) => {
    const { scale, desiredNodes } = await cluster.survey()
    return context.json({ desired_nodes: desiredNodes, nodes: scale })
  })
  app.get('/v1/models', (context) => {
    const ids = new Set([...claw.agents.map(({ id }) => `beamclaw/${id}`), ...claw.agents.map(({ model }) => model), ...models])
    return context.json({ object: 'list', data: [...ids].map((id) => ({ id, object: 'model', created, owned_by: 'beamclaw' })) })
  })
  app.get('/v1/attachments/:id', (context) => attachmentResponse(context, claw))
  const onlyBounded = onlyJson(limits.maxBodyBytes, new BodyBudget(limits.maxBodiesBytes))
  app.get('/v1/approvals', (context) => listApprovals(context, claw))
  app.get('/v1/approvals/:id', (context) => getApproval(context, claw))
  app.post('/v1/approvals/:id', onlyBounded, (context) => decideApproval(context, options))
  app.post('/v1/chat/completions', onlyBounded, (context) => {
    const { refusal } = admission
    if (refusal === undefined) return chatCompletions(context, options)
    throw refusals[refusal]()
  })
  return app
}
