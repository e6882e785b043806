import { geminiModels } from '../../models/gemini-models.ts'
import { merged } from '../openai-errors.ts'
import type { ChatDialect } from './dialect.ts'
import { generic } from './generic.ts'

/** Google's compatible endpoints, of AI Studio and of Vertex. They refuse fields that they do not know. */
export const gemini: ChatDialect = {
  ...generic,
  name: 'gemini',
  title: 'Gemini',
  hosts: /^(?:generativelanguage|(?:[\w-]+-)?aiplatform)\.googleapis\.com$/,
  baseUrl: 'https://generativelanguage.googleapis.com/v1beta/openai',
  ownOrigin: 'https://generativelanguage.googleapis.com',
  variables: 'GEMINI',
  // Unknown fields are refused with "Unknown name …: Cannot find field", and this one is not among those that are known to be taken.
  userField: undefined,
  // ai.google.dev/gemini-api/docs/openai
  levels: {
    off: { reasoning_effort: 'none' },
    low: { reasoning_effort: 'low' },
    medium: { reasoning_effort: 'medium' },
    high: { reasoning_effort: 'high' },
  },
  models: geminiModels,
  // ai.google.dev/gemini-api/docs/structured-output (2026): lists and choices of words too
  json: { ...generic.json, anyRoot: true },
  // Recorded: 35 + 12 of 109 tokens, in github.com/pydantic/pydantic-ai, tests/models/cassettes (2025)
  reasoningTokens: 'beside',
  hasFlaggedThoughts: true,
  // Bodies are arrays, with Google's status: github.com/crmne/ruby_llm, spec/fixtures/vcr_cassettes (2026-08), and what users reported
  errors: merged({
    specific: {
      API_KEY_INVALID: 'provider-auth',
      quota_per_day: 'provider-billing',
      UNAUTHENTICATED: 'provider-auth',
      UNAVAILABLE: 'provider-overloaded',
    },
    texts: [
      [/api key (?:not valid|expired)/i, 'provider-auth'],
      [/prepa(?:id|yment).{0,40}(?:credit|depleted|exhausted)/i, 'provider-billing'],
      [/message size .{0,40} exceeds/i, 'provider-context-overflow'],
    ],
    generic: {
      RESOURCE_EXHAUSTED: 'provider-rate-limit',
      INVALID_ARGUMENT: 'provider-bad-request',
      NOT_FOUND: 'provider-bad-request',
      PERMISSION_DENIED: 'provider-auth',
    },
  }),
}
