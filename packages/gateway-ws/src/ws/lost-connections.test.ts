/** Connections that are there and carry nothing: readers that do not read, lines that are dead. What was missed is there after the return. */
import { execFileSync, spawnSync } from 'node:child_process'
import { flushEventLoop, ManualClock } from '@beamclaw/core/testing'
import { describe, expect, test } from 'vitest'
import { RawClient } from '../testing/raw-client.ts'
import { ReturningClients } from '../testing/returning-clients.ts'
import { scene } from '../testing/scene.ts'

const canCutLines = process.platform === 'linux' && process.getuid?.() === 0 && spawnSync('ip', ['netns', 'list']).status === 0
if (!canCutLines) console.log('skipped: F41 over a line that is cut needs the right to make network namespaces')

const sessionKey = 'agent:main:a'

describe('F40: a client that watches, asks, and never reads', () => {
  test('is cut off when too much waits for it, others hear everything, and its cursor gets it what it missed', async () => {
    await using stage = await scene({
      agent: { compactAboveTokens: 1_000_000 },
      gateway: { limits: { maxBufferedBytes: 1_000_000, requestBurst: 1_000_000 } },
    })
    await using watching = await RawClient.connected(stage.url)
    const say = async (runId: string, message: string): Promise<void> => {
      await watching.ask('chat.send', { sessionKey, message, idempotencyKey: runId })
      expect((await watching.chatEnd(runId)).payload).toMatchObject({ state: 'final' })
    }
    for (const runId of ['long-1', 'long-2', 'long-3', 'long-4']) await say(runId, 'x'.repeat(100_000))
    const deaf = await RawClient.connected(stage.url)
    await deaf.ask('sessions.subscribe', { sessionKey })
    const { deltaCursor: cursor } = await deaf.ask('chat.history', { sessionKey })
    deaf.ws.pause()
    // 80 MB. The kernel takes some of it, not all.
    for (let asked = 0; asked < 100; asked++)
      deaf.send({ type: 'req', id: `more-${asked}`, method: 'chat.history', params: { sessionKey } })

    const runIds = ['short-1', 'short-2', 'short-3']
    for (const runId of runIds) await say(runId, 'go on')
    while ((await watching.ask<{ readonly connections: number }>('status')).connections > 1) await flushEventLoop()
    deaf.ws.resume()
    expect((await deaf.closed).code).not.toBe(1000)

    await using back = await RawClient.connected(stage.url)
    const missed = await back.ask<{ readonly messages: readonly { readonly role: string; readonly runId: string }[] }>('chat.history', {
      sessionKey,
      cursor,
    })
    expect(missed).toMatchObject({ kind: 'delta' })
    expect(missed.messages.map(({ role, runId }) => `${role} ${runId}`)).toEqual(
      runIds.flatMap((runId) => [`user ${runId}`, `assistant ${runId}`]),
    )
  })
})

describe('F41: a line that is cut without a word', () => {
  test.skipIf(!canCutLines)('is found by the ping, and its client gets what it missed when it comes back', async () => {
    await using line = new Line()
    const clock = new ManualClock()
    const token = 'correct horse'
    await using stage = await scene({ gateway: { host: line.near, auth: { mode: 'token', token }, services: { clock } } })
    await using watching = await RawClient.connected(stage.url, { auth: { token } })
    const say = async (runId: string): Promise<void> => {
      await watching.ask('chat.send', { sessionKey, message: 'hello', idempotencyKey: runId })
      await watching.chatEnd(runId)
    }
    const far = new ReturningClients({ url: stage.url, token, clients: 1, sessions: [sessionKey] }, line.farCommand)
    try {
      await far.enter()
      await say('one')
      line.cut()
      await say('two')
      await clock.advance(25_000)
      await watching.ask('health')
      expect(await watching.ask('status')).toMatchObject({ connections: 2 })
      await clock.advance(25_000)
      while ((await watching.ask<{ readonly connections: number }>('status')).connections > 1) await flushEventLoop()
      await say('three')

      await far.leave()
      line.mend()
      await far.enter()
      await say('four')
      expect(await far.hearAll(['one', 'two', 'three', 'four'], 10_000)).toMatchObject({ problems: [] })
    } finally {
      await far.end()
    }
  })
})

/** A network of two: this machine, and a namespace at the far end of a line that can be cut. */
class Line implements AsyncDisposable {
  readonly near: string
  readonly farCommand: readonly string[]
  readonly #name = `bc${process.pid}`

  constructor() {
    const [third, fourth] = [(process.pid >> 6) & 255, (process.pid & 63) << 2]
    const far = `10.213.${third}.${fourth + 2}`
    this.near = `10.213.${third}.${fourth + 1}`
    this.farCommand = ['ip', 'netns', 'exec', this.#name]
    ip('netns', 'add', this.#name)
    ip('link', 'add', this.#name, 'type', 'veth', 'peer', 'name', 'far0', 'netns', this.#name)
    ip('address', 'add', `${this.near}/30`, 'dev', this.#name)
    ip('link', 'set', this.#name, 'up')
    ip('-n', this.#name, 'address', 'add', `${far}/30`, 'dev', 'far0')
    ip('-n', this.#name, 'link', 'set', 'far0', 'up')
  }

  cut(): void {
    ip('link', 'set', this.#name, 'down')
  }

  mend(): void {
    ip('link', 'set', this.#name, 'up')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    spawnSync('ip', ['link', 'del', this.#name])
    spawnSync('ip', ['netns', 'del', this.#name])
  }
}

function ip(...args: readonly string[]): void {
  execFileSync('ip', args, { stdio: 'pipe' })
}
