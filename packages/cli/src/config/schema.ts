/** The schema of the configuration file. */
import * as z from 'zod'
import { nearestName } from './nearest-name.ts'
import {
  amount,
  choice,
  closedObject,
  flag,
  httpUrl,
  jsonObject,
  listOf,
  named,
  oneOfObjects,
  pattern,
  positiveNumber,
  text,
  wholeNumber,
} from './shapes.ts'
import { maxCount, maxTimerMs, toolGroup, toolPattern, toolsSchema } from './tools-schema.ts'

const idPattern = /^[a-z0-9][a-z0-9_-]{0,63}$/
const idRule = '1 to 64 of a-z, 0-9, "_" and "-", with a letter or digit first'
const modelPattern = /^[^/\s]+\/\S+$/
const modelName = pattern(modelPattern, 'a model as <provider>/<model>')
const host = pattern(/^[A-Za-z0-9._:[\]-]{1,255}$/, 'a host name or an IP address')
const origin = pattern(/^https?:\/\/[^/\s?#@]+$/, 'an origin as https://host or http://host:port')

const auth = oneOfObjects(
  'mode',
  [
    closedObject({ mode: z.literal('none') }),
    closedObject({ mode: z.literal('token'), token: pattern(/^[\x21-\x7e]{8,512}$/, 'a token of 8 to 512 printable characters') }),
  ],
  ['token', 'none'],
)

/** The section `gateway`. */
export const gatewaySchema = closedObject({
  host: host.exactOptional(),
  port: wholeNumber(0, 65_535).exactOptional(),
  auth: auth.exactOptional(),
  allowedOrigins: listOf(origin, 100).exactOptional(),
  allowedHosts: listOf(host, 100).exactOptional(),
  drainMs: wholeNumber(0, 3_600_000).exactOptional(),
})

const storeTypes = ['fs', 'memory', 'redis']

/** Returns what to write for a store that there is not. A word is shown; anything longer may be an address with a password. */
function asStoreType(type: unknown): string | undefined {
  if (typeof type !== 'string') return undefined
  if (type.includes('://')) return 'an address belongs into store.url: write store: { type: redis, url: … }'
  if (!/^[a-z]{1,16}$/i.test(type)) return undefined
  const nearest = nearestName(type, storeTypes)
  return `there is no "${type}"${nearest === undefined ? '' : `; did you mean "${nearest}"?`}`
}

const chosenStore = oneOfObjects(
  'type',
  [
    closedObject({ type: z.literal('memory') }),
    closedObject({
      type: z.literal('fs'),
      path: text(4_096).exactOptional(),
      sync: choice(['always', 'batch', 'os']).exactOptional(),
      lockWaitMs: wholeNumber(0, maxTimerMs).exactOptional(),
    }),
    closedObject({
      type: z.literal('redis'),
      url: text(4_096).exactOptional(),
      username: text(256).exactOptional(),
      password: text(4_096).exactOptional(),
      sentinelUsername: text(256).exactOptional(),
      sentinelPassword: text(4_096).exactOptional(),
      caFile: text(4_096).exactOptional(),
      certFile: text(4_096).exactOptional(),
      keyFile: text(4_096).exactOptional(),
      servername: host.exactOptional(),
      prefix: text(128).exactOptional(),
      storeId: text(128).exactOptional(),
      startWaitMs: wholeNumber(0, maxTimerMs).exactOptional(),
      deadlineMs: wholeNumber(10, maxTimerMs).exactOptional(),
    }),
  ],
  storeTypes,
  asStoreType,
)

/** The section `store`; its default type is `fs`. A store that needs no more may be its type alone. */
export const storeSchema = z.preprocess((value) => {
  if (typeof value === 'string') return { type: value }
  return typeof value === 'object' && value !== null && !('type' in value) ? { type: 'fs', ...value } : value
}, chosenStore)

/** The section `cluster`, for gateways over one Redis. */
const clusterSchema = closedObject({
  nodeId: pattern(idPattern, idRule).exactOptional(),
  weight: positiveNumber().exactOptional(),
  heartbeatMs: wholeNumber(10, 600_000).exactOptional(),
  ttlMs: wholeNumber(100, 3_600_000).exactOptional(),
})

/** Most processes over one data directory. */
export const mostWorkers = 128

/** The setting `workers`: how many processes share the data directory. */
const workersSchema = z.union([z.literal('auto'), wholeNumber(1, mostWorkers)], {
  error: `a whole number from 1 to ${mostWorkers}, or auto`,
})

const limits = {
  maxConcurrent: wholeNumber(1, maxCount).exactOptional(),
  requestsPerMinute: wholeNumber(1, maxCount).exactOptional(),
  tokensPerMinute: wholeNumber(1, maxCount).exactOptional(),
}

const price = closedObject({
  input: amount(),
  output: amount(),
  cacheRead: amount().exactOptional(),
  cacheWrite: amount().exactOptional(),
  longCacheWrite: amount().exactOptional(),
})

const modelFacts = closedObject({
  contextWindow: wholeNumber(1, maxCount).exactOptional(),
  maxOutputTokens: wholeNumber(1, maxCount).exactOptional(),
  thinking: choice(['never', 'optional', 'always']).exactOptional(),
  price: price.exactOptional(),
})

const timeout = wholeNumber(1, maxTimerMs)

/** Keys of every provider over HTTP. */
const http = {
  baseUrl: httpUrl().exactOptional(),
  service: text(128).exactOptional(),
  headers: named(/^[A-Za-z0-9-]{1,128}$/, 'the name of an HTTP header', text(8_192)).exactOptional(),
  extraBody: jsonObject().exactOptional(),
  models: named(/^\S{1,256}$/, "a model, by its service's own name", modelFacts).exactOptional(),
  connectTimeoutMs: timeout.exactOptional(),
  firstByteTimeoutMs: timeout.exactOptional(),
  idleTimeoutMs: timeout.exactOptional(),
  totalTimeoutMs: timeout.exactOptional(),
  ...limits,
}

// Written out, because to ask the provider for them would load it.
const dialects = [
  'openai',
  'azure',
  'openrouter',
  'deepseek',
  'kimi',
  'gemini',
  'xai',
  'mistral',
  'groq',
  'ollama',
  'vllm',
  'lmstudio',
  'llama-cpp',
  'generic',
] as const

const dialect = choice(dialects)

/** Returns what to write for a service that is a dialect, not a type. */
function asDialect(type: unknown): string | undefined {
  return dialects.some((name) => name === type) ? `use type: openai with dialect: ${String(type)}` : undefined
}

/** Anthropic refuses smaller ones. */
const thinkingBudget = wholeNumber(1_024, maxCount)

const provider = oneOfObjects(
  'type',
  [
    closedObject({ type: z.literal('demo'), delayMs: wholeNumber(0, 60_000).exactOptional() }),
    closedObject({
      type: z.literal('openai'),
      apiKey: text(4_096).exactOptional(),
      dialect: dialect.exactOptional(),
      api: choice(['chat', 'responses']).exactOptional(),
      reasoningSummary: choice(['none', 'auto', 'concise', 'detailed']).exactOptional(),
      promptCacheKey: text(64).exactOptional(),
      maxTokensField: choice(['max_completion_tokens', 'max_tokens']).exactOptional(),
      reasoningField: choice(['reasoning_content', 'reasoning']).exactOptional(),
      includeUsage: flag().exactOptional(),
      splitThink: flag().exactOptional(),
      ...http,
    }),
    closedObject({
      type: z.literal('anthropic'),
      apiKey: text(4_096),
      maxOutputTokens: wholeNumber(1, maxCount).exactOptional(),
      promptCaching: flag().exactOptional(),
      cacheTtl: choice(['5m', '1h']).exactOptional(),
      thinkingMode: choice(['auto', 'adaptive', 'budget']).exactOptional(),
      thinkingBudgets: closedObject({ low: thinkingBudget, medium: thinkingBudget, high: thinkingBudget }).exactOptional(),
      ...http,
    }),
  ],
  ['anthropic', 'openai', 'demo'],
  asDialect,
)

const budget = closedObject(
  {
    provider: text(64).exactOptional(),
    model: text(128).exactOptional(),
    agent: text(64).exactOptional(),
    each: choice(['provider', 'agent']).exactOptional(),
    per: choice(['day', 'month']).exactOptional(),
    maxCostUsd: amount().exactOptional(),
    maxTokens: wholeNumber(0, maxCount).exactOptional(),
    maxRequests: wholeNumber(0, maxCount).exactOptional(),
  },
  ['tenant'],
)

const askMode = choice(['off', 'onMiss', 'always'])

/** The section `skills`. */
const skillsSchema = closedObject({
  folders: listOf(text(4_096), 64),
  maxBytes: wholeNumber(1, 10_000_000).exactOptional(),
})

const skillName = pattern(/^(?:\*|[a-z0-9][a-z0-9-]{0,63})$/, 'the name of a skill, or * for all')

const agent = closedObject({
  model: modelName,
  fallbacks: listOf(modelName, 16).exactOptional(),
  system: text(1_000_000).exactOptional(),
  maxTurns: wholeNumber(1, maxCount).exactOptional(),
  thinking: choice(['off', 'low', 'medium', 'high']).exactOptional(),
  compactAboveTokens: wholeNumber(1_000, maxCount).exactOptional(),
  tools: listOf(toolGroup, 64).exactOptional(),
  allowedTools: listOf(toolPattern, 1_000).exactOptional(),
  deniedTools: listOf(toolPattern, 1_000).exactOptional(),
  askMode: askMode.exactOptional(),
  retention: closedObject({
    maxAgeMs: wholeNumber(1, maxCount).exactOptional(),
    maxBytes: wholeNumber(0, maxCount).exactOptional(),
  }).exactOptional(),
  skills: listOf(skillName, 1_000).exactOptional(),
  subAgents: listOf(pattern(/^(?:\*|[a-z0-9_-]{1,64})$/, 'the id of an agent, or * for all'), 1_000).exactOptional(),
})

const sessions = closedObject({
  mailboxSize: wholeNumber(1, 1_000_000).exactOptional(),
  queueMode: choice(['queue', 'steer', 'collect', 'interrupt', 'reject']).exactOptional(),
  passivateAfterMs: wholeNumber(1, maxTimerMs).exactOptional(),
  rebalance: z.boolean().exactOptional(),
})

/** The whole file, after the substitution of `${NAME}`. */
export const configSchema = closedObject(
  {
    gateway: gatewaySchema.exactOptional(),
    store: storeSchema.exactOptional(),
    cluster: clusterSchema.exactOptional(),
    workers: workersSchema.exactOptional(),
    providers: named(idPattern, idRule, provider).exactOptional(),
    prices: named(modelPattern, 'a model as <provider>/<model>, or <provider>/*', price).exactOptional(),
    budgets: named(idPattern, idRule, budget).exactOptional(),
    agents: named(idPattern, idRule, agent).exactOptional(),
    sessions: sessions.exactOptional(),
    tools: toolsSchema.exactOptional(),
    askMode: askMode.exactOptional(),
    skills: skillsSchema.exactOptional(),
  },
  ['channels', 'cron', 'heartbeat', 'tenants'],
)

export type Config = z.infer<typeof configSchema>
export type ProviderConfig = z.infer<typeof provider>
export type AgentConfig = z.infer<typeof agent>
export type ToolsConfig = z.infer<typeof toolsSchema>
export type AuthConfig = z.infer<typeof auth>
export type PriceConfig = z.infer<typeof price>
export type BudgetConfig = z.infer<typeof budget>
