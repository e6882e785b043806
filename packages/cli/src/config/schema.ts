/** What a configuration file may hold. */
import { z } from 'zod'

const port = z.int().min(0).max(65_535)
const httpUrl = z.url({ protocol: /^https?$/ })

const gateway = z.strictObject({
  host: z.string().min(1).optional(),
  port: port.optional(),
  auth: z
    .discriminatedUnion('mode', [
      z.strictObject({ mode: z.literal('none') }),
      z.strictObject({ mode: z.literal('token'), token: z.string().min(1) }),
    ])
    .optional(),
})

const store = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('memory') }),
  z.strictObject({ type: z.literal('fs'), path: z.string().min(1).optional(), sync: z.enum(['always', 'batch', 'os']).optional() }),
])

const provider = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('demo') }),
  z.strictObject({ type: z.literal('openai'), apiKey: z.string().min(1).optional(), baseUrl: httpUrl.optional() }),
  z.strictObject({ type: z.literal('anthropic'), apiKey: z.string().min(1), baseUrl: httpUrl.optional() }),
])

const agent = z.strictObject({
  model: z.string().regex(/^[^/\s]+\/\S+$/, 'must have the form <provider>/<model>'),
  system: z.string().optional(),
  maxTurns: z.int().min(1).optional(),
})

export const configSchema = z.strictObject({
  gateway: gateway.optional(),
  store: store.optional(),
  providers: z.record(z.string(), provider).optional(),
  agents: z.record(z.string(), agent).optional(),
})

export type Config = z.infer<typeof configSchema>
export type ProviderConfig = z.infer<typeof provider>
