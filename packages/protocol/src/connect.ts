/** The handshake: `connect.challenge` from the gateway, `connect` from the client, `hello-ok` back. */
import * as z from 'zod'
import { count, nonEmpty, timestamp } from './primitives.ts'
import { protocolVersion } from './version.ts'

/** Payload of the first event on every connection. */
export const connectChallenge = z.strictObject({ nonce: nonEmpty, ts: timestamp })

/** Ids of the programs that may connect. */
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

/** Kinds of client programs. */
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

/** Parameters of `connect`, the first request on a connection. */
export const connectParams = z.strictObject({
  minProtocol: z.int().min(1),
  maxProtocol: z.int().min(1),
  client,
  /** Role of the client. @default 'operator' */
  role: z.enum(['operator', 'node', 'worker']).optional(),
  /** The scopes that the client requests; no others are granted. */
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

/** State of the gateway at the time of the handshake. */
const snapshot = z.strictObject({
  presence: z.array(z.strictObject({ ts: timestamp })),
  health: z.strictObject({ ok: z.literal(true), ts: timestamp }),
  stateVersion: z.strictObject({ presence: count, health: count }),
  uptimeMs: count,
})

/** Result of `connect`. */
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

/** Payload of `connect.challenge`. */
export type ConnectChallenge = z.infer<typeof connectChallenge>
/** Parameters of `connect`. */
export type ConnectParams = z.infer<typeof connectParams>
/** Result of `connect`. */
export type HelloOk = z.infer<typeof helloOk>
