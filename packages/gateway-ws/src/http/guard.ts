/** Checks that every request passes before its route runs: host and origin, token, body. */
import type { MiddlewareHandler } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import type { FailedAuth } from '../auth/failed-auth.ts'
import { tokenParameter } from '../auth/query-token.ts'
import { isOwnHost, isOwnOrigin, type SiteRules } from '../auth/site-check.ts'
import { bearerToken, type GatewayAuth, isToken } from '../auth/token-auth.ts'
import type { BodyBudget } from './body-budget.ts'
import { badRequest, foreignHost, foreignOrigin, HttpFailure } from './http-failure.ts'
import type { Peer } from './peer.ts'
import { parseTarget } from './request-target.ts'

export interface HttpEnv {
  Bindings: Peer
}

/** Rejects requests for another host, and requests of web pages from foreign origins. */
export function onlyOwnSite(rules: SiteRules): MiddlewareHandler<HttpEnv> {
  return async (context, next) => {
    const { localAddress, hostHeaders = 1, authority } = context.env ?? {}
    if (hostHeaders > 1) throw badRequest('Request has more than one Host header', 'duplicate-host')
    const target = parseTarget(context.req.url)
    const host = context.req.header('host') ?? target?.authority
    if (!isOwnHost(rules, host, localAddress) || (authority !== undefined && !isOwnHost(rules, authority, localAddress))) {
      throw foreignHost()
    }
    if (!isOwnOrigin(rules, context.req.header('origin'), host)) {
      throw foreignOrigin()
    }
    await next()
  }
}

/** Rejects requests without the token, and delays addresses that sent many wrong tokens. */
export function onlyAuthorized(auth: GatewayAuth, failed: FailedAuth): MiddlewareHandler<HttpEnv> {
  return async (context, next) => {
    const inAddress = tokenParameter(parseTarget(context.req.url)?.query ?? '')
    if (inAddress !== undefined) {
      throw unauthorized(
        'token-in-query',
        `A token must not be in the URL ("${inAddress}"): send the header "Authorization: Bearer <token>"`,
      )
    }
    if (auth.mode === 'none') return next()
    const { address } = context.env ?? {}
    const retryAfterMs = failed.retryAfterMs(address)
    if (retryAfterMs !== undefined) {
      throw new HttpFailure(429, 'rate_limit_error', 'too-many-wrong-tokens', 'Too many wrong tokens from this address', retryAfterMs)
    }
    const token = bearerToken(context.req.header('authorization'))
    if (isToken(auth, token)) return next()
    if (token !== '') failed.record(address)
    throw unauthorized('invalid_token', 'Missing or wrong token: send the header "Authorization: Bearer <token>" with the gateway\'s token')
  }
}

/** Rejects bodies that are not JSON, too long, or beyond the budget of all requests under way. */
export function onlyJson(maxSize: number, budget: BodyBudget): MiddlewareHandler<HttpEnv> {
  const tooLarge = (): never => {
    throw badRequest(`Request body exceeds ${maxSize} bytes`, 'body-too-large', 413)
  }
  const counted = bodyLimit({ maxSize, onError: tooLarge })
  return async (context, next) => {
    const type = context.req.header('content-type') ?? ''
    if (!/^application\/json\s*(;|$)/i.test(type)) {
      throw badRequest('Request body needs the header "Content-Type: application/json"', 'unsupported-media-type', 415)
    }
    const length = context.req.header('content-length')
    // Node enforces a declared length; only a body without one has to be counted.
    const isCounted = length === undefined || context.req.header('transfer-encoding') !== undefined
    if (!isCounted && Number(length) > maxSize) tooLarge()
    const release = budget.take(isCounted ? maxSize : Number(length))
    if (release === undefined) {
      throw new HttpFailure(
        503,
        'server_error',
        'overloaded',
        'The requests under way use all memory for bodies; try again in a second',
        1_000,
      )
    }
    const { onEnd } = context.env ?? {}
    onEnd?.(release)
    try {
      if (isCounted) return await counted(context, next)
      await next()
    } finally {
      if (onEnd === undefined) release()
    }
  }
}

function unauthorized(code: string, message: string): HttpFailure {
  return new HttpFailure(401, 'authentication_error', code, message)
}
