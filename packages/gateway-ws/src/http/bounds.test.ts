/** Requests and answers that are large: what they cost other clients. */
import { request as httpRequest } from 'node:http'
import type { Provider } from '@beamclaw/core'
import { describe, expect, test } from 'vitest'
import { type ErrorBody, hello, post } from '../testing/http.ts'
import { RawClient } from '../testing/raw-client.ts'
import { scene } from '../testing/scene.ts'

const many = (text: string, count: number): string => `${`${text},`.repeat(count - 1)}${text}`

/** A conversation in which the model called tools with these arguments. */
function withArguments(...all: readonly string[]): object {
  const calls = all.map((input, index) => ({ id: `${index}`, type: 'function', function: { name: 'add', arguments: input } }))
  return { ...hello, messages: [{ role: 'assistant', tool_calls: calls }] }
}

describe('a body within the limit of bytes, which holds too much', () => {
  test.each([
    ['almost 7 million messages', `{"model":"beamclaw","messages":[${many('{}', 6_900_000)}]}`, 'too-many-values'],
    ['50,000 messages', `{"model":"beamclaw","messages":[${many('{}', 50_000)}]}`, 'too-many-values'],
    ['50,000 parts', `{"model":"beamclaw","messages":[{"role":"user","content":[${many('0', 50_000)}]}]}`, 'too-many-values'],
    ['50,000 tools', `{"model":"beamclaw","messages":[{"role":"user","content":"x"}],"tools":[${many('{}', 40_000)}]}`, 'invalid_request'],
    ['a million names', `{${Array.from({ length: 1_000_000 }, (_, index) => `"k${index}":0`).join()}}`, 'too-many-values'],
    ['a tool call with 6 million values in its arguments', JSON.stringify(withArguments(`[${many('{}', 6_000_000)}]`)), 'too-many-values'],
    ['a tool call with 9 million levels', JSON.stringify(withArguments('['.repeat(9_000_000))), 'too-deep'],
    [
      'tool calls with too many values together',
      JSON.stringify(withArguments(...Array(30).fill(`[${many('0', 5_000)}]`))),
      'too-many-values',
    ],
    ['a very long wrong value', JSON.stringify({ ...hello, model: 'x'.repeat(5_000_000) }), 'invalid_request'],
    ['a very long unknown model', JSON.stringify({ ...hello, model: `nobody/${'x'.repeat(500)}` }), 'unknown-model'],
  ])('%s is refused at once, in few words', async (_what, body, code) => {
    await using stage = await scene()
    const startedAt = process.cpuUsage()
    const response = await post(stage.url, body)
    const text = await response.text()
    expect((JSON.parse(text) as ErrorBody).error.code).toBe(code)
    expect(text.length).toBeLessThan(1_000)
    // Reading and sending 20 MB is part of it; checking them took half a minute.
    const { user, system } = process.cpuUsage(startedAt)
    expect((user + system) / 1_000).toBeLessThan(2_000)
  })

  test('and parameters of a method are bounded as well', async () => {
    await using stage = await scene()
    await using client = await RawClient.connected(stage.url)
    const params = Object.fromEntries(Array.from({ length: 2_000 }, (_, index) => [`k${index}${'x'.repeat(100)}`, 0]))
    const { error } = await client.request('health', params)
    expect(JSON.stringify(error).length).toBeLessThan(1_000)
    client.send(`{"type":"req","id":"big","method":"health","params":{"a":[${many('{}', 1_000_000)}]}}`)
    expect(await client.ask('health')).toMatchObject({ ok: true })
    expect(client.heard.filter(({ id }) => id === 'big')).toEqual([])
  })

  test('a conversation of 5,000 messages is none of these', async () => {
    await using stage = await scene()
    const messages = Array.from({ length: 5_001 }, (_, index) => ({ role: index % 2 === 0 ? 'user' : 'assistant', content: 'x' }))
    expect((await post(stage.url, { ...hello, messages })).status).toBe(200)
  })
})

test('bodies that are too much together are refused until those before have ended, and small ones go on', async () => {
  let finish = (): void => {}
  const held = new Promise<void>((resolve) => {
    finish = resolve
  })
  const slow: Provider = {
    async *doStream() {
      yield { type: 'text-delta', text: 'x' }
      await held
      yield { type: 'finish', reason: 'stop', usage: { inputTokens: 1, outputTokens: 1, cacheReadTokens: 0, cacheWriteTokens: 0 } }
    },
  }
  await using stage = await scene({ claw: { providers: { test: slow } }, gateway: { limits: { maxBodiesBytes: 1_000_000 } } })
  const large = { ...hello, stream: true, messages: [{ role: 'user', content: 'x'.repeat(600_000) }] }
  const first = await post(stage.url, large)
  const second = await post(stage.url, large)
  expect([first.status, second.status, second.headers.get('retry-after')]).toEqual([200, 503, '1'])
  expect(((await second.json()) as ErrorBody).error.code).toBe('overloaded')
  expect((await post(stage.url, { ...hello, stream: true })).status).toBe(200)
  finish()
  await first.text()
  expect((await post(stage.url, large)).status).toBe(200)
})

describe('many large answers at once leave other clients their turns', () => {
  const word = 'word '
  const count = 20_000
  const many: Provider = {
    async *doStream() {
      for (let index = 0; index < count; index++) yield { type: 'text-delta', text: word }
      yield { type: 'finish', reason: 'stop', usage: { inputTokens: 1, outputTokens: 1, cacheReadTokens: 0, cacheWriteTokens: 0 } }
    },
  }
  const one: Provider = {
    async *doStream() {
      yield { type: 'text-delta', text: word.repeat(400_000) }
      yield { type: 'finish', reason: 'stop', usage: { inputTokens: 1, outputTokens: 1, cacheReadTokens: 0, cacheWriteTokens: 0 } }
    },
  }

  test.each([
    ['whole, of one piece', one, false],
    ['streamed, of one piece', one, true],
    ['whole, of many pieces', many, false],
    ['streamed, of many pieces', many, true],
  ])('%s', async (_what, provider, stream) => {
    await using stage = await scene({ claw: { providers: { test: provider } } })
    let left = 20
    const answers = Promise.all(Array.from({ length: left }, () => sizeOf(stage.url, { ...hello, stream }).finally(() => left--)))
    let slowest = 0
    while (left > 0) {
      const before = process.cpuUsage()
      await (await fetch(`${stage.url}/health`)).arrayBuffer()
      const { user, system } = process.cpuUsage(before)
      slowest = Math.max(slowest, (user + system) / 1_000)
    }
    expect(slowest).toBeLessThan(250)
    for (const size of await answers) expect(size).toBeGreaterThanOrEqual(100_000)
  })
})

/** Reads an answer without making anything of it. */
function sizeOf(url: string, body: object): Promise<number> {
  return new Promise((resolve, reject) => {
    const options = { method: 'POST', headers: { 'content-type': 'application/json' } }
    const request = httpRequest(`${url}/v1/chat/completions`, options, (response) => {
      let size = 0
      response.on('data', (chunk: Buffer) => (size += chunk.length)).on('end', () => resolve(size))
    })
    request.on('error', reject).end(JSON.stringify(body))
  })
}
