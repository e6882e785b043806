/** The bytes that hostile clients write to a socket of the gateway. Pure: the same seed makes the same bytes. */
import type { Random } from '../../../packages/core/src/index.ts'
import { integerBetween, pickOne } from '../../../packages/testkit/src/seeded-random.ts'
import { anyJson, damaged, muchJson, withOdd } from './hostile-json.ts'
import { type FrameShape, frame } from './web-socket-frame.ts'

export interface Attack {
  /** Description for messages. */
  readonly name: string
  /** Written one after the other, with a turn of the event loop between them. */
  readonly chunks: readonly Buffer[]
  /** The client's action after its last byte. */
  readonly ending: 'wait' | 'end' | 'destroy'
  /** Clients that do the same at once. */
  readonly clients: number
}

const targets = [
  '/', '/health', '/v1/models', '/v1/chat/completions', '//', '//[', '///', '/\\', 'http://[', 'http://', '*', '?', '#', '/%', '/%00', '/../..',
  'http://evil.example/', 'http://127.0.0.1/', 'http://user@127.0.0.1/', 'ftp://x/', '/?token=x', '/?a=%ff', '/\u00ff', 'http://[::1', '/health#x', 'x',
  '//evil.example/health', '/health?\\', `/${'a'.repeat(10_000)}`, '/v1//chat/completions',
] // biome-ignore format: a list
const methods = ['GET', 'POST', 'HEAD', 'OPTIONS', 'PUT', 'DELETE', 'TRACE', 'CONNECT', 'PATCH', 'get', 'PRI', 'M-SEARCH', 'X', '']
const versions = ['HTTP/1.1', 'HTTP/1.0', 'HTTP/2.0', 'HTTP/0.9', 'HTTP/1.1 ', '']
const headers = [
  'Host: 127.0.0.1', 'Host: evil.example', 'Host:', 'Host: [', 'Host: 127.0.0.1:99999', 'Host: a b', 'Content-Length: -1', 'Content-Length: 5',
  'Content-Length: 99999999999999999999', 'Content-Length: 0', 'Transfer-Encoding: chunked', 'Transfer-Encoding: gzip', 'Connection: Upgrade',
  'Connection: close', 'Upgrade: websocket', 'Upgrade: h2c', 'Upgrade:', 'Upgrade: websocket, h2c', 'Sec-WebSocket-Version: 13',
  'Sec-WebSocket-Version: 8', 'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==', 'Sec-WebSocket-Key: x', 'Sec-WebSocket-Extensions: permessage-deflate',
  'Sec-WebSocket-Protocol: a,,b', 'Origin: https://evil.example', 'Origin: null', 'Origin:', 'Expect: 100-continue', 'Expect: x', 'Content-Type: application/json',
  'Content-Type: text/plain', 'Authorization: Bearer', 'Authorization: Bearer \u00ff', 'X-Forwarded-For: 1.2.3.4', 'Idempotency-Key: a b', 'Idempotency-Key: k',
  'X-Beamclaw-Session-Key: agent:main:a', 'X-Beamclaw-Session-Key: ../../etc', 'X-Beamclaw-Session-Key:', ': x', 'a b: c', 'x', 'X: \u0000',
  `X: ${'y'.repeat(20_000)}`, 'Access-Control-Request-Method: POST', 'Range: bytes=0-', 'Trailer: x',
] // biome-ignore format: a list

const completion = {
  model: 'beamclaw',
  messages: [{ role: 'user', content: 'hello' }],
  stream: false,
  tools: [],
  stop: 'x',
  temperature: 1,
}
const connect = {
  minProtocol: 4,
  maxProtocol: 4,
  client: { id: 'test', version: '1.0.0', platform: 'linux', mode: 'test' },
  role: 'operator',
  scopes: ['operator.admin'],
}
const requests: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  health: {},
  status: {},
  'agents.list': {},
  'sessions.list': { limit: 10, offset: 0, agentId: 'main', activeMinutes: 5 },
  'sessions.subscribe': { sessionKey: 'a' },
  'sessions.unsubscribe': { sessionKey: 'a' },
  'sessions.messages.subscribe': { key: 'a' },
  'chat.history': { sessionKey: 'a', limit: 10, maxChars: 5 },
  'chat.send': { sessionKey: 'a', message: 'hello', idempotencyKey: 'k', queueMode: 'steer', attachments: [] },
  'chat.abort': { sessionKey: 'a', runId: 'k' },
  agent: { message: 'hello', idempotencyKey: 'k2', sessionKey: 'b', timeout: 1 },
  'agent.wait': { runId: 'k', timeoutMs: 1 },
  wizard: {},
}

/** Most bytes and clients of an attack by many at once. */
const flood = { bytes: 8_000_000, clients: 20 } as const

const kinds = { requestLine, body, toolArguments, upgrade, frames, requestFrames, noise } as const

/** The attack of this much chance. */
export function attackOf(random: Random): Attack {
  const name = pickOne(random, Object.keys(kinds)) as keyof typeof kinds
  const text = kinds[name](random)
  const ending = pickOne(random, ['wait', 'wait', 'end', 'destroy'] as const)
  const isFlood = (name === 'body' || name === 'toolArguments') && random.next() < 0.2
  const clients = isFlood ? Math.max(1, Math.min(flood.clients, Math.floor(flood.bytes / text.length))) : 1
  return { name, chunks: cutUp(random, text), ending, clients }
}

function requestLine(random: Random): Buffer {
  const line = [pickOne(random, methods), pickOne(random, targets), pickOne(random, versions)].join(' ')
  const chosen = Array.from({ length: integerBetween(random, 0, 8) }, () => pickOne(random, headers))
  const host = random.next() < 0.8 ? ['Host: 127.0.0.1'] : []
  return Buffer.from(
    `${[line, ...host, ...chosen].join('\r\n')}\r\n\r\n${pickOne(random, ['', '5\r\nhello\r\n0\r\n\r\n', '\r\n', 'fffffffff\r\n'])}`,
    'latin1',
  )
}

function body(random: Random): Buffer {
  const json = pickOne(random, [anyJson, muchJson, oddCompletion, brokenCompletion])(random)
  const session = random.next() < 0.3 ? ['X-Beamclaw-Session-Key: agent:main:a'] : []
  const isChunked = random.next() < 0.2
  const bytes = Buffer.from(json, random.next() < 0.1 ? 'latin1' : 'utf8')
  const length = isChunked ? 'Transfer-Encoding: chunked' : `Content-Length: ${bytes.length + pickOne(random, [0, 0, 0, 0, 1, -1])}`
  const head = ['POST /v1/chat/completions HTTP/1.1', 'Host: 127.0.0.1', 'Content-Type: application/json', length, ...session].join('\r\n')
  const framed = isChunked ? [Buffer.from(`${bytes.length.toString(16)}\r\n`), bytes, Buffer.from('\r\n0\r\n\r\n')] : [bytes]
  return Buffer.concat([Buffer.from(`${head}\r\n\r\n`), ...framed])
}

/** JSON inside the JSON: arguments of tool calls, each sound, odd, deep, or of very many values. */
function toolArguments(random: Random): Buffer {
  const calls = Array.from({ length: integerBetween(random, 1, 4) }, (_, index) => ({
    id: `call-${index}`,
    type: 'function',
    function: { name: 'look', arguments: index === 0 ? muchJson(random) : pickOne(random, [anyJson, brokenCompletion])(random) },
  }))
  const messages = [
    { role: 'user', content: 'look' },
    { role: 'assistant', content: null, tool_calls: calls },
    ...calls.map(({ id }) => ({ role: 'tool', tool_call_id: id, content: 'seen' })),
  ]
  return post(Buffer.from(JSON.stringify({ model: 'beamclaw', messages })))
}

/** A sound request with this body. */
function post(bytes: Buffer): Buffer {
  const head = [
    'POST /v1/chat/completions HTTP/1.1',
    'Host: 127.0.0.1',
    'Content-Type: application/json',
    `Content-Length: ${bytes.length}`,
  ]
  return Buffer.concat([Buffer.from(`${head.join('\r\n')}\r\n\r\n`), bytes])
}

function oddCompletion(random: Random): string {
  return withOdd(random, { ...completion, stream: random.next() < 0.5 })
}

function brokenCompletion(random: Random): string {
  return damaged(random, JSON.stringify(completion))
}

function upgrade(random: Random): Buffer {
  const chosen = Array.from({ length: integerBetween(random, 0, 4) }, () => pickOne(random, headers))
  const line = `${pickOne(random, ['GET', 'GET', 'POST'])} ${pickOne(random, ['/', ...targets])} HTTP/1.1`
  return Buffer.from(`${[line, ...upgradeLines, ...chosen].join('\r\n')}\r\n\r\n${pickOne(random, ['', 'head'])}`, 'latin1')
}

/** Frames of the WebSocket protocol that are wrong in themselves. */
function frames(random: Random): Buffer {
  const said = random.next() < 0.5 ? [hello()] : []
  const wrong = Array.from({ length: integerBetween(random, 1, 20) }, () => frame(oddFrame(random)))
  return Buffer.concat([upgradeRequest(), ...said, ...wrong])
}

function oddFrame(random: Random): FrameShape {
  return {
    opcode: integerBetween(random, 0, 15),
    payload: Buffer.from(pickOne(random, ['', 'x', '{}', '\u0003\u00e8', '\u0003\u00ed!', 'y'.repeat(126), 'z'.repeat(70_000)]), 'latin1'),
    isFinal: random.next() < 0.8,
    isMasked: random.next() < 0.9,
    reserved: pickOne(random, [0, 0, 0, 1, 4, 7]),
    ...(random.next() < 0.1 ? { length: pickOne(random, [0, 5, 2 ** 31, 2 ** 53]) } : {}),
  }
}

/** Sound frames that hold requests that are wrong. */
function requestFrames(random: Random): Buffer {
  const said = random.next() < 0.9 ? [hello()] : []
  const texts = Array.from({ length: integerBetween(random, 1, 12) }, () => requestText(random))
  return Buffer.concat([upgradeRequest(), ...said, ...texts.map((text) => frame({ opcode: 1, payload: Buffer.from(text) }))])
}

function requestText(random: Random): string {
  const method = pickOne(random, Object.keys(requests))
  const params = requests[method] ?? {}
  const text = random.next() < 0.6 ? withOdd(random, params) : JSON.stringify(params)
  const whole = `{"type":"req","id":"r","method":${JSON.stringify(method)},"params":${text}}`
  const chance = random.next()
  if (chance < 0.1) return anyJson(random)
  if (chance < 0.15) return muchJson(random)
  return chance < 0.35 ? damaged(random, whole) : whole
}

function noise(random: Random): Buffer {
  return Buffer.from(Array.from({ length: integerBetween(random, 1, 2_000) }, () => integerBetween(random, 0, 255)))
}

const upgradeLines = [
  'Host: 127.0.0.1',
  'Connection: Upgrade',
  'Upgrade: websocket',
  'Sec-WebSocket-Version: 13',
  `Sec-WebSocket-Key: ${'A'.repeat(22)}==`,
]

function upgradeRequest(): Buffer {
  return Buffer.from(`${['GET / HTTP/1.1', ...upgradeLines].join('\r\n')}\r\n\r\n`)
}

function hello(): Buffer {
  return frame({ opcode: 1, payload: Buffer.from(JSON.stringify({ type: 'req', id: 'c', method: 'connect', params: connect })) })
}

function cutUp(random: Random, bytes: Buffer): readonly Buffer[] {
  const cuts = Array.from({ length: integerBetween(random, 0, 3) }, () => integerBetween(random, 0, bytes.length)).toSorted((a, b) => a - b)
  return [0, ...cuts].map((start, index) => bytes.subarray(start, cuts[index] ?? bytes.length))
}
