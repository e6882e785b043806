/** Errors of Chat Completions: OpenAI's codes, those of compatible servers, and the many shapes that their bodies have. */
import type { ErrorCodeTable, Failure } from '../shared/failure.ts'
import * as z from '../shared/schema.ts'

/** Maps error codes and types: OpenAI's own, and those of compatible servers where they differ. */
export const openAiErrorCodes: ErrorCodeTable & Required<Pick<ErrorCodeTable, 'texts'>> = {
  specific: {
    invalid_api_key: 'provider-auth',
    invalid_organization: 'provider-auth',
    unsupported_country_region_territory: 'provider-auth',
    insufficient_quota: 'provider-billing',
    billing_hard_limit_reached: 'provider-billing',
    billing_not_active: 'provider-billing',
    account_deactivated: 'provider-billing',
    insufficient_balance: 'provider-billing',
    // Of 2026
    credit_balance_exhausted: 'provider-billing',
    organization_spend_limit_exceeded: 'provider-billing',
    project_spend_limit_exceeded: 'provider-billing',
    rate_limit_exceeded: 'provider-rate-limit',
    RateLimitReached: 'provider-rate-limit',
    overloaded: 'provider-overloaded',
    overloaded_error: 'provider-overloaded',
    engine_overloaded: 'provider-overloaded',
    engine_overloaded_error: 'provider-overloaded',
    server_overloaded: 'provider-overloaded',
    server_is_overloaded: 'provider-overloaded',
    slow_down: 'provider-overloaded',
    capacity_exceeded: 'provider-overloaded',
    insufficient_system_resource: 'provider-overloaded',
    context_length_exceeded: 'provider-context-overflow',
    // llama.cpp
    exceed_context_size_error: 'provider-context-overflow',
    content_filter: 'provider-content-filter',
    content_policy_violation: 'provider-content-filter',
    moderation_blocked: 'provider-content-filter',
    model_not_found: 'provider-bad-request',
  },
  // Overflow has no code at most services: the texts that github.com/earendil-works/pi, packages/ai/src/utils/overflow.ts, has collected (2026-11).
  texts: [
    // First, because a service that throttles says how large the request was, too.
    [/(?:tokens|requests) per (?:minute|day)|throttl/i, 'provider-rate-limit'],
    [/prompt (?:is )?too long/i, 'provider-context-overflow'],
    [/exceeds? (?:the )?(?:model's )?(?:context window|maximum context length|available context size)/i, 'provider-context-overflow'],
    [/input token count.{0,40}exceeds the maximum/i, 'provider-context-overflow'],
    [/maximum (?:prompt|context) length (?:is|of) \d+/i, 'provider-context-overflow'],
    [/reduce the length of the (?:input )?messages/i, 'provider-context-overflow'],
    [/longer than the (?:model'?s )?context length/i, 'provider-context-overflow'],
    [/too large for model with \d+ maximum context length/i, 'provider-context-overflow'],
    [/range of input length should be/i, 'provider-context-overflow'],
    [/context[ _]length[ _]exceeded|context size has been exceeded/i, 'provider-context-overflow'],
  ],
  generic: {
    authentication_error: 'provider-auth',
    permission_error: 'provider-auth',
    permission_denied_error: 'provider-auth',
    requests: 'provider-rate-limit',
    tokens: 'provider-rate-limit',
    rate_limit_error: 'provider-rate-limit',
    invalid_request_error: 'provider-bad-request',
    not_found_error: 'provider-bad-request',
    BadRequestError: 'provider-bad-request',
    timeout: 'provider-timeout',
  },
}

/** Returns the codes of a dialect: its own before the common ones. */
export function merged({ specific = {}, texts = [], generic = {} }: Partial<ErrorCodeTable>): ErrorCodeTable {
  return {
    specific: { ...openAiErrorCodes.specific, ...specific },
    texts: [...texts, ...openAiErrorCodes.texts],
    generic: { ...openAiErrorCodes.generic, ...generic },
  }
}

const text = z.catch(z.nullish(z.string()), undefined)

const detailObject = z.object({
  reason: text,
  violations: z.catch(z.nullish(z.array(z.object({ quotaId: text }))), undefined),
})

const errorObject = z.object({
  message: z.catch(z.nullish(z.unknown()), undefined),
  code: z.catch(z.nullish(z.union([z.string(), z.number()])), undefined),
  type: text,
  status: text,
  detail: z.catch(z.nullish(z.unknown()), undefined),
  details: z.catch(z.nullish(z.array(z.catch(detailObject, {}))), undefined),
  metadata: z.catch(z.nullish(z.object({ error_type: text, raw: text, limit_source: text, flagged_input: text })), undefined),
})

/**
 * Returns the failure in the JSON of an answer: `{ error: { … } }`, `{ error: "text" }`, the error object by itself, `{ code, error: "text" }` (xAI), an array of
 * any of these (Gemini), or `{ detail }` (Mistral).
 */
export function readOpenAiError(value: unknown): Failure {
  if (Array.isArray(value)) return readOpenAiError(value[0])
  if (typeof value !== 'object' || value === null) return typeof value === 'string' ? { text: value } : {}
  const outer = errorObject.safeParse(value).data
  const inner: unknown = 'error' in value ? value.error : value
  if (typeof inner === 'string') {
    const code = outer?.code === undefined || outer.code === null ? [] : [String(outer.code)]
    return failureOf(code, inner)
  }
  const read = errorObject.safeParse(inner).data
  if (read === undefined) return {}
  const { code, type, status, metadata, details } = read
  const reasons = (details ?? []).flatMap(({ reason, violations }) => [
    reason,
    ...(violations ?? []).map(({ quotaId }) => (quotaId?.includes('PerDay') === true ? 'quota_per_day' : undefined)),
  ])
  const named = [
    metadata?.limit_source === 'openrouter_in_flight_budget' ? 'in_flight_budget' : undefined,
    metadata?.flagged_input === undefined || metadata.flagged_input === null ? undefined : 'flagged_input',
    metadata?.error_type,
    ...reasons,
    code,
    type,
    status,
  ]
  const codes = named.filter((item) => item !== undefined && item !== null && item !== '').map(String)
  // A code that repeats the status says least.
  codes.sort((a, b) => Number(isStatus(a)) - Number(isStatus(b)))
  return failureOf(codes, textOf(read.message) ?? textOf(read.detail))
}

function failureOf(codes: readonly string[], said: string | undefined): Failure {
  // Routers repeat the upstream's HTTP status as the code; within a stream that is the only status there is.
  const repeated = codes.find(isStatus)
  const status = repeated === undefined ? undefined : Number(repeated)
  const wait = said === undefined ? undefined : waitIn(said)
  return {
    codes,
    ...(said === undefined ? {} : { text: said }),
    ...(status === undefined ? {} : { status }),
    ...(wait === undefined ? {} : { retryAfterMs: wait }),
  }
}

function isStatus(code: string): boolean {
  return /^[45]\d\d$/.test(code)
}

/** Returns the text of a message, which Mistral and FastAPI give as a list of what is wrong. */
function textOf(message: unknown): string | undefined {
  if (typeof message === 'string') return message
  if (typeof message !== 'object' || message === null) return undefined
  if ('detail' in message) return textOf(message.detail)
  if (!Array.isArray(message)) return 'msg' in message ? textOf(message.msg) : undefined
  const said = message.map((item: unknown) => {
    const { loc, msg } = (typeof item === 'object' && item !== null ? item : {}) as { readonly loc?: unknown; readonly msg?: unknown }
    return typeof msg === 'string' ? `${Array.isArray(loc) ? `${loc.join('.')}: ` : ''}${msg}` : ''
  })
  return said.filter((line) => line !== '').join('; ') || undefined
}

const units: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 }

/** Returns the wait that a text names, for services without the header: "try again in 1m26.4s", "retry in 21.69s", "again after 2 seconds". */
function waitIn(said: string): number | undefined {
  const [, span] = /\b(?:again|retry) (?:in|after) ((?:\d+(?:\.\d+)? ?(?:ms|s|m|h)[a-z]*)+)/i.exec(said.slice(0, 2_000)) ?? []
  if (span === undefined) return undefined
  let total = 0
  for (const [, amount, unit] of span.matchAll(/(\d+(?:\.\d+)?) ?(ms|s|m|h)/gi))
    total += Number(amount) * (units[unit?.toLowerCase() ?? ''] ?? 0)
  return Math.ceil(total)
}
