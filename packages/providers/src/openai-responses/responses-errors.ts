/** The errors of the Responses API: OpenAI's, and those of services that speak it too. */
import { BeamClawError } from '@beamclaw/core'
import type { ErrorCodeTable, Failure } from '../shared/failure.ts'
import { objectOf, textIn } from '../shared/fields.ts'

/** Maps the codes of OpenAI, Azure, OpenRouter, xAI and DeepSeek. */
export const responsesErrorCodes: ErrorCodeTable = {
  specific: {
    invalid_api_key: 'provider-auth',
    invalid_organization: 'provider-auth',
    unsupported_country_region_territory: 'provider-auth',
    authentication: 'provider-auth', // OpenRouter's metadata.error_type
    insufficient_quota: 'provider-billing',
    billing_hard_limit_reached: 'provider-billing',
    billing_not_active: 'provider-billing',
    account_deactivated: 'provider-billing',
    // The next four: developersdigest.tech/errors/api/openai-api, 2026.
    credit_balance_exhausted: 'provider-billing',
    organization_spend_limit_exceeded: 'provider-billing',
    project_spend_limit_exceeded: 'provider-billing',
    usage_not_included: 'provider-billing',
    payment_required: 'provider-billing', // OpenRouter's metadata.error_type
    'personal-team-blocked:spending-limit': 'provider-billing', // xAI, with status 403
    rate_limit_exceeded: 'provider-rate-limit',
    RateLimitReached: 'provider-rate-limit', // Azure
    'Some resource has been exhausted': 'provider-rate-limit', // xAI
    slow_down: 'provider-overloaded',
    server_is_overloaded: 'provider-overloaded',
    overloaded_error: 'provider-overloaded',
    provider_unavailable: 'provider-overloaded', // OpenRouter's metadata.error_type
    // xAI; also in a body with status 200: github.com/vercel/ai/issues/10533, 2025-11.
    'The service is currently unavailable': 'provider-overloaded',
    context_length_exceeded: 'provider-context-overflow',
    content_filter: 'provider-content-filter',
    content_policy_violation: 'provider-content-filter',
    moderation_blocked: 'provider-content-filter',
    // The next three: codex-rs of github.com/openai/codex treats them as final in a stream, 2026.
    cyber_policy: 'provider-content-filter',
    bio_policy: 'provider-content-filter',
    misalignment_policy_violation: 'provider-content-filter',
    invalid_encrypted_content: 'provider-bad-request',
    // OpenAI's answer for a model has status 400 here and 404 elsewhere.
    model_not_found: 'provider-bad-request',
    DeploymentNotFound: 'provider-bad-request', // Azure
  },
  texts: [
    // OpenAI; gateways send it in streams, without a code.
    [/exceeds the context window/i, 'provider-context-overflow'],
    // DeepSeek and OpenRouter: github.com/crmne/ruby_llm, spec/fixtures/vcr_cassettes/chat_real_error_scenarios_*.yml, 2026-08.
    [/maximum context length is \d/i, 'provider-context-overflow'],
    // xAI: npm @earendil-works/pi-ai 1.5.2, dist/utils/overflow.js.
    [/maximum prompt length is \d/i, 'provider-context-overflow'],
    [/insufficient (?:balance|credits)/i, 'provider-billing'],
    // `invalid_prompt` is OpenAI's code for a flagged prompt and OpenRouter's for a malformed one.
    [/flagged as potentially violating|violates usage guidelines/i, 'provider-content-filter'],
    // xAI says so with status 400.
    [/^Incorrect API key provided/, 'provider-auth'],
  ],
  generic: {
    authentication_error: 'provider-auth',
    permission_error: 'provider-auth',
    rate_limit_error: 'provider-rate-limit',
    requests: 'provider-rate-limit',
    tokens: 'provider-rate-limit',
    service_unavailable_error: 'provider-overloaded',
    invalid_request_error: 'provider-bad-request',
    invalid_prompt: 'provider-bad-request',
    not_found_error: 'provider-bad-request',
    timeout: 'provider-timeout',
    server_error: 'provider-server',
  },
}

/**
 * Returns the failure in the JSON of an answer or of an event: `{error: {...}}`, xAI's `{code, error: "text"}`, or the error by itself, which is how
 * OpenAI's specification has it in a stream, while its streams have it nested.
 */
export function readResponsesError(value: unknown): Failure {
  const outer = objectOf(value) ?? {}
  if (typeof outer.error === 'string') return { text: outer.error, codes: codesOf(outer.code) }
  const error = objectOf(outer.error) ?? outer
  // The `type` of an event is no code.
  const type = error.type === 'error' ? undefined : error.type
  const codes = codesOf(objectOf(error.metadata)?.error_type, error.code, type)
  // Routers repeat the HTTP status as the code; within a stream that is the only status there is.
  const status = codes.map(Number).find((code) => code >= 400 && code < 600)
  const text = textIn(error.message)
  return { codes, ...(text === undefined ? {} : { text }), ...(status === undefined ? {} : { status }) }
}

function codesOf(...values: readonly unknown[]): readonly string[] {
  return values
    .filter((value) => typeof value === 'string' || typeof value === 'number')
    .map(String)
    .filter((code) => code !== '')
}

const brokenThinking = /encrypted content .*could not be (?:verified|decrypted)/is
const retryText = /try again in ([\d.]+) ?(ms|s|m)/i
const unitMs: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000 }
const maxRetryMs = 24 * 60 * 60 * 1_000

/** Returns the error with what its text tells beyond its code: when to try again, which a stream has no header for, and what to do about refused thinking. */
export function explainResponsesError(error: BeamClawError): BeamClawError {
  if (
    error.code === 'provider-bad-request' &&
    (error.details.providerCode === 'invalid_encrypted_content' || brokenThinking.test(error.message))
  ) {
    const advice =
      'The conversation holds thinking that this key cannot read: it was made for another organisation, or was changed. ' +
      'Send it with the key that it was made with, or give the option "service" of the provider a new name, so that what was kept under the old one is not sent'
    return new BeamClawError('provider-bad-request', `${error.message}. ${advice}`, { details: error.details })
  }
  if (error.code !== 'provider-rate-limit' || error.retryAfterMs !== undefined) return error
  const [, amount, unit = ''] = retryText.exec(error.message) ?? []
  const waitMs = Math.ceil(Number(amount) * (unitMs[unit.toLowerCase()] ?? Number.NaN))
  if (!(waitMs >= 0 && waitMs <= maxRetryMs)) return error
  return new BeamClawError('provider-rate-limit', error.message, { details: error.details, retryAfterMs: waitMs })
}
