import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import {
  BeamClaw,
  defineAgent,
  defineTool,
  type Provider,
  type ProviderPart,
  type ProviderRequest,
  type RunningBeamClaw,
  silentLogger,
} from '@beamclaw/core'
import { FsStore } from '@beamclaw/store-fs'
import { afterEach, beforeEach, expect, test } from 'vitest'

const sessions = 20
const perSession = 50
/** What docs/store.md promises. */
const promisedMs = 10_000

/** A text that is found wherever it is: nothing compresses or encodes files of the store. */
const secret = (session: number, index: number): string => `xq7-${String(session * perSession + index).padStart(4, '0')}-kept-by-nobody`
const secrets = /xq7-\d{4}-kept-by-nobody/g

/** A model that repeats what it was told; where that asks for it, it calls the tool first. */
class Echo implements Provider {
  async *doStream({ messages, system }: ProviderRequest): AsyncGenerator<ProviderPart> {
    const last = messages.at(-1)
    const text = JSON.stringify(last?.content).match(secrets)?.join(' ') ?? 'nothing'
    const usage = { inputTokens: 1, outputTokens: 1, cacheReadTokens: 0, cacheWriteTokens: 0 }
    if (last?.role === 'user' && JSON.stringify(last.content).includes('look up') && system?.startsWith('Summarise') !== true) {
      yield { type: 'tool-call', id: `call-${messages.length}`, name: 'lookup', input: { what: text } }
      yield { type: 'finish', reason: 'tool-calls', usage }
      return
    }
    yield { type: 'text-delta', text }
    yield { type: 'finish', reason: 'stop', usage }
  }
}

const lookup = defineTool<{ readonly what: string }>({
  name: 'lookup',
  description: 'looks something up, at length',
  inputSchema: { type: 'object', properties: { what: { type: 'string' } } },
  execute: ({ what }) => `${'.'.repeat(40_000)}${what}`,
})

let folder = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'beamclaw-deleted-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const start = (): Promise<RunningBeamClaw> =>
  new BeamClaw({
    providers: { test: new Echo() },
    agents: [defineAgent({ id: 'main', model: 'test/any', tools: [lookup], compactAboveTokens: 2_000 })],
    store: new FsStore({ path: folder, walSegmentBytes: 1024 * 1024 }),
    sessions: { passivateAfterMs: 50 },
    services: { logger: silentLogger },
  }).start()

/** The secrets that any file has, each with a file. */
function found(): ReadonlyMap<string, string> {
  const all = new Map<string, string>()
  for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
    const path = join(folder, name)
    try {
      if (statSync(path).isFile()) for (const [text] of readFileSync(path, 'latin1').matchAll(secrets)) all.set(text, name)
    } catch {
      // It went meanwhile.
    }
  }
  return all
}

/** Says all secrets of a session: as text, in long results of tools, in images, settings, imports and forks. */
async function converse(claw: RunningBeamClaw, number: number): Promise<readonly string[]> {
  const session = claw.session(`agent:main:session-${number}`)
  const next = (() => {
    let index = 0
    return () => secret(number, index++)
  })()
  await session.import([
    { role: 'user', content: next() },
    { role: 'assistant', content: [{ type: 'text', text: next() }] },
  ])
  await session.configure({ label: next(), owner: next(), title: next() })
  for (let count = 0; count < 15; count++) await session.send(next()).result()
  for (let count = 0; count < 15; count++) await session.send(`look up ${next()}`).result()
  for (let count = 0; count < 15; count++) {
    const bytes = Buffer.concat([Buffer.alloc(5_000, count), Buffer.from(next())])
    await session.send([{ type: 'image', mediaType: 'image/png', data: bytes.toString('base64') }]).result()
  }
  await session.fork(`fork-${number}`)
  return [`agent:main:session-${number}`, `agent:main:fork-${number}`]
}

test('of 1,000 known texts none is in any file ten seconds after their sessions were deleted, and none comes back', {
  timeout: 120_000,
}, async () => {
  let claw = await start()
  const keys: string[] = []
  for (let number = 0; number < sessions; number += 5)
    keys.push(...(await Promise.all([0, 1, 2, 3, 4].map((more) => converse(claw, number + more)))).flat())
  const kept = 'xq7-9999-kept-by-nobody'
  await claw.session('agent:main:stays').send(kept).result()
  expect(found().size).toBe(sessions * perSession + 1)
  // What is at rest has moved to files of its own, and into the index.
  await claw.stop()
  claw = await start()
  await claw.session('agent:main:session-0').send('and now?').result()
  expect(found().size).toBe(sessions * perSession + 1)
  for (const key of keys) await claw.session(key).delete()
  const deletedAt = performance.now()
  while (found().size > 1 && performance.now() - deletedAt < promisedMs) await sleep(200)
  expect([...found().keys()], [...new Set(found().values())].join(' ')).toEqual([kept])
  expect((await claw.sessions()).map(({ sessionKey }) => sessionKey)).toEqual(['agent:main:stays'])
  await claw.stop()
  claw = await start()
  await claw.sessions()
  await claw.stop()
  expect([...found().keys()], [...new Set(found().values())].join(' ')).toEqual([kept])
})
