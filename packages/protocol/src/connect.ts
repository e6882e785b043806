/** The handshake: `connect.challenge` from the gateway, `connect` from the client, `hello-ok` back. */
import * as z from 'zod'
import { count, nonEmpty, timestamp } from './primitives.ts'
import { protocolVersion } from './version.ts'

/** The first event on every connection. */
export const connectChallenge = z.strictObject({ nonce: nonEmpty, ts: timestamp })

/** Programs that may connect. */
export const clientIds = [
  'webchat-ui',
  'openclaw-control-ui',
  'openclaw-browser-copilot',
  'openclaw-tui',
  'webchat',
  'cli',
  'gateway-client',
  'openclaw-macos',
  'openclaw-linux',
  'openclaw-ios',
  'openclaw-watchos',
  'openclaw-android',
  'node-host',
  'openclaw-worker',
  'test',
  'fingerprint',
  'openclaw-probe',
] as const

export const clientModes = ['webchat', 'cli', 'ui', 'backend', 'node', 'worker', 'probe', 'test'] as const

const client = z.strictObject({
  id: z.enum(clientIds),
  version: nonEmpty,
  platform: nonEmpty,
  mode: z.enum(clientModes),
  displayName: nonEmpty.optional(),
  deviceFamily: nonEmpty.optional(),
  modelIdentifier: nonEmpty.optional(),
  instanceId: nonEmpty.optional(),
  buildId: nonEmpty.max(96).optional(),
  timeZone: nonEmpty.max(64).optional(),
})

const auth = z.strictObject({
  token: z.string().optional(),
  password: z.string().optional(),
  deviceToken: z.string().optional(),
  bootstrapToken: z.string().optional(),
  approvalRuntimeToken: z.string().optional(),
  agentRuntimeIdentityToken: z.string().optional(),
})

const device = z.strictObject({ id: nonEmpty, publicKey: nonEmpty, signature: nonEmpty, signedAt: timestamp, nonce: nonEmpty })

/** What the first request on a connection says. */
export const connectParams = z.strictObject({
  minProtocol: z.int().min(1),
  maxProtocol: z.int().min(1),
  client,
  /** @default 'operator' */
  role: z.enum(['operator', 'node', 'worker']).optional(),
  /** What the client wants to do; nothing is granted that was not asked for. */
  scopes: z.array(nonEmpty).max(64).optional(),
  caps: z.array(nonEmpty).max(256).optional(),
  commands: z.array(nonEmpty).max(1_024).optional(),
  permissions: z.record(z.string(), z.boolean()).optional(),
  pathEnv: z.string().optional(),
  auth: auth.optional(),
  device: device.optional(),
  locale: z.string().optional(),
  userAgent: z.string().optional(),
})

/** The gateway as it is when somebody connects. */
const snapshot = z.strictObject({
  presence: z.array(z.strictObject({ ts: timestamp })),
  health: z.strictObject({ ok: z.literal(true), ts: timestamp }),
  stateVersion: z.strictObject({ presence: count, health: count }),
  uptimeMs: count,
})

/** Answers `connect`. */
export const helloOk = z.strictObject({
  type: z.literal('hello-ok'),
  protocol: z.literal(protocolVersion),
  server: z.strictObject({
    version: nonEmpty,
    connId: nonEmpty,
    bootId: nonEmpty.max(96).optional(),
    buildId: nonEmpty.max(96).optional(),
  }),
  features: z.strictObject({ methods: z.array(nonEmpty), events: z.array(nonEmpty), capabilities: z.array(nonEmpty).optional() }),
  snapshot,
  auth: z.strictObject({ role: nonEmpty, scopes: z.array(nonEmpty) }),
  policy: z.strictObject({ maxPayload: z.int().min(1), maxBufferedBytes: z.int().min(1), tickIntervalMs: z.int().min(1) }),
})

export type ConnectChallenge = z.infer<typeof connectChallenge>
export type ConnectParams = z.infer<typeof connectParams>
export type HelloOk = z.infer<typeof helloOk>
