/** Data directories as gateways leave them, for tests that damage and mend them. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { BeamClaw, defaultTenant, defineAgent, type Provider } from '@beamclaw/core'
import { FsStore } from '@beamclaw/store-fs'

function provider(answers: boolean, onRequest: () => void): Provider {
  return {
    async *doStream(_, { signal }) {
      onRequest()
      if (!answers) await new Promise((_, reject) => signal.addEventListener('abort', () => reject(new Error('ended'))))
      yield { type: 'text-delta', text: 'after all' }
      yield { type: 'finish', reason: 'stop', usage: { inputTokens: 1, outputTokens: 1, cacheReadTokens: 0, cacheWriteTokens: 0 } }
    },
  }
}

export async function over(path: string, answers = true) {
  const store = new FsStore({ path })
  const asked = Promise.withResolvers<void>()
  const claw = await new BeamClaw({
    providers: { test: provider(answers, asked.resolve) },
    agents: [defineAgent({ id: 'main', model: 'test/model' })],
    store,
  }).start()
  return { store, claw, asked: asked.promise }
}

const image = Buffer.alloc(8_192, 7)
export const busy = 'agent:main:busy'

/** A directory at rest: two sessions, one with settings and an attachment. */
export async function atRest(path: string): Promise<void> {
  const { claw, store } = await over(path)
  await claw.session('agent:main:one').configure({ label: 'mine' })
  for (const text of ['first', 'second', 'third']) await claw.session('agent:main:one').send(text).result()
  await claw
    .session('agent:main:two')
    .send([
      { type: 'text', text: 'look' },
      { type: 'image', mediaType: 'image/png', data: image.toString('base64') },
    ])
    .result()
  await claw.stop()
  await store.stop()
}

/** A directory whose process was killed in the middle of a run of `busy`. */
export async function interrupted(path: string): Promise<void> {
  const { claw, store, asked } = await over(path, false)
  await claw.session(busy).send('hello', { idempotencyKey: 'one' }).accepted
  await asked
  claw.kill()
  await store.stop()
}

/** What the next start does with it. */
export async function resumed(path: string) {
  const { claw, store } = await over(path)
  const count = await claw.resumed
  const text = count === 0 ? undefined : (await claw.session(busy).follow('one').result()).text
  const sessions = (await claw.sessions()).map(({ sessionKey }) => sessionKey).sort()
  await claw.stop()
  await store.stop()
  return { count, text, sessions }
}

export function flip(path: string, at: number): void {
  const bytes = readFileSync(path)
  const index = at < 0 ? bytes.length + at : at
  bytes[index] = (bytes[index] ?? 0) ^ 1
  writeFileSync(path, bytes)
}

export function snapshotOf(path: string): Record<string, string> {
  const names = readdirSync(path, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
  return Object.fromEntries(
    names.map((entry) => [join(entry.parentPath, entry.name), readFileSync(join(entry.parentPath, entry.name), 'base64')]),
  )
}

export const indexOf = async (path: string) => {
  const store = new FsStore({ path })
  const status = await store.index.status(defaultTenant)
  const entries = await store.index.page(defaultTenant, { sort: 'key', limit: 99 })
  await store.stop()
  return { isComplete: status.isComplete, keys: entries.map(({ sessionKey }) => sessionKey), entries }
}
