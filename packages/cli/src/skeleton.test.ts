import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type ModelServer, startModelServer } from '@beamclaw/testkit/model-server'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type GatewayProcess, startGateway } from './testing/gateway-process.ts'

let folder: string
let model: ModelServer
let gateways: GatewayProcess[]

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'beamclaw-'))
  model = await startModelServer({ answers: (_request, index) => `answer number ${index + 1}` })
  gateways = []
  writeFileSync(
    join(folder, 'beamclaw.yaml'),
    `providers: { local: { type: openai, apiKey: none, baseUrl: '${model.url}/v1' } }\nagents: { main: { model: local/scripted-1, system: Be brief. } }\n`,
  )
})

afterEach(async () => {
  for (const gateway of gateways) gateway.child.kill('SIGKILL')
  await Promise.all(gateways.map((gateway) => gateway.exited))
  await model.stop()
  rmSync(folder, { recursive: true, force: true })
})

async function start(): Promise<GatewayProcess> {
  const gateway = await startGateway(['--config', join(folder, 'beamclaw.yaml'), '--data-dir', join(folder, 'data')])
  gateways.push(gateway)
  return gateway
}

async function ask(gateway: GatewayProcess, text: string, headers: Readonly<Record<string, string>> = {}): Promise<Response> {
  return fetch(`${gateway.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-beamclaw-session-key': 'agent:main:first', ...headers },
    body: JSON.stringify({ model: 'beamclaw', stream: true, messages: [{ role: 'user', content: text }] }),
  })
}

function chunksOf(
  body: string,
): readonly { readonly choices: readonly { readonly delta: { readonly content?: string }; readonly finish_reason: string | null }[] }[] {
  const lines = body.split('\n').filter((line) => line.startsWith('data: {'))
  return lines.map((line) => JSON.parse(line.slice('data: '.length)) as never)
}

describe('a gateway with a real model server behind it', () => {
  test('streams the answer of a durable session, and keeps the conversation on disk', async () => {
    const gateway = await start()
    const response = await ask(gateway, 'hello')
    expect(response.headers.get('content-type')).toContain('text/event-stream')
    const body = await response.text()
    const chunks = chunksOf(body)
    expect(chunks.map((chunk) => chunk.choices[0]?.delta.content ?? '').join('')).toBe('answer number 1')
    // Its role, its text and its end: pieces that are ready together come as one.
    expect(chunks.length).toBeGreaterThanOrEqual(3)
    expect(chunks.at(-1)?.choices[0]?.finish_reason).toBe('stop')
    expect(body.trimEnd().endsWith('data: [DONE]')).toBe(true)
    const journal = readFileSync(join(folder, 'data/wal/00000001.jsonl'), 'utf8')
    const types = journal
      .trimEnd()
      .split('\n')
      .slice(1)
      .map((line) => JSON.parse(line) as { readonly k: readonly string[]; readonly t: string })
      .filter(({ k }) => k.join('/') === 'default/sessions/main/first')
      .map(({ t }) => t)
    expect(types).toEqual(['message-in', 'run-start', 'model-request', 'model-response', 'run-end'])
  })

  test('remembers the conversation after kill -9', async () => {
    const first = await start()
    await (await ask(first, 'my name is Ada')).text()
    first.child.kill('SIGKILL')
    expect(await first.exited).toBe('SIGKILL')
    const second = await start()
    await (await ask(second, 'what is my name?')).text()
    const asked = model.requests.at(-1)?.body as { readonly messages: readonly { readonly role: string }[] } | undefined
    expect(asked?.messages.map(({ role }) => role)).toEqual(['system', 'user', 'assistant', 'user'])
    expect(JSON.stringify(asked)).toContain('my name is Ada')
  })

  test('gives a repeated idempotency key the first run, and asks the model once', async () => {
    const gateway = await start()
    const key = { 'idempotency-key': 'once-only' }
    const texts: string[] = []
    for (let repeat = 0; repeat < 2; repeat++) {
      const chunks = chunksOf(await (await ask(gateway, 'hello', key)).text())
      texts.push(chunks.map((chunk) => chunk.choices[0]?.delta.content ?? '').join(''))
    }
    expect(texts).toEqual(['answer number 1', 'answer number 1'])
    expect(model.requests.filter(({ path }) => path.endsWith('/chat/completions'))).toHaveLength(1)
  })

  test('ends with 0 on SIGTERM', async () => {
    const gateway = await start()
    await (await ask(gateway, 'hello')).text()
    gateway.child.kill('SIGTERM')
    expect(await gateway.exited).toBe(0)
  })
})
