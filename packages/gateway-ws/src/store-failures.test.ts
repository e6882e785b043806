/** What clients are told when the store fails: that it did, and never where it is. */
import { type AppendLog, BeamClawError, MemoryStore } from '@beamclaw/core'
import { expect, test } from 'vitest'
import { hello, post } from './testing/http.ts'
import { RawClient } from './testing/raw-client.ts'
import { scene } from './testing/scene.ts'

const secret = '/srv/secret/data'

class FailingStore extends MemoryStore {
  fails = false

  override openLog(...args: Parameters<MemoryStore['openLog']>): Promise<AppendLog> {
    if (!this.fails) return super.openLog(...args)
    const system = Object.assign(new Error(`EIO: i/o error, open '${secret}/a'`), { code: 'EIO' })
    return Promise.reject(
      new BeamClawError('store-io', `The file system failed while opening ${secret}/a: ${system.message}`, { cause: system }),
    )
  }

  override get(...args: Parameters<MemoryStore['get']>): ReturnType<MemoryStore['get']> {
    return this.fails ? Promise.reject(new BeamClawError('store-io', `${secret}/b is not a document`)) : super.get(...args)
  }
}

test('a path of the store is told over no door, and stands in the log', async () => {
  const store = new FailingStore()
  const logged: string[] = []
  const logger = { log: (_level: string, _event: string, fields?: object) => void logged.push(JSON.stringify(fields)) }
  await using stage = await scene({ claw: { store }, gateway: { services: { logger } } })
  await using client = await RawClient.connected(stage.url)
  store.fails = true
  const told: string[] = []
  for (const stream of [false, true]) {
    const response = await post(stage.url, { ...hello, stream }, { 'x-beamclaw-session-key': `agent:main:${stream}` })
    expect(response.status).toBeGreaterThanOrEqual(500)
    told.push(await response.text())
  }
  const params = { sessionKey: 'c', message: 'hello', idempotencyKey: 'k' }
  for (const method of ['chat.send', 'agent', 'chat.history', 'sessions.subscribe']) {
    const about = method.includes('history') || method.includes('subscribe') ? { sessionKey: 'd' } : params
    told.push(JSON.stringify(await client.request(method, about)))
  }
  expect(told.join('\n')).not.toContain('/srv')
  expect(told.join('\n')).toMatch(/store/)
  expect(logged.join('\n')).toContain(secret)
})
