import { silentLogger } from '@beamclaw/core'
import { expect, test } from 'vitest'
import { parseConfig } from './config/load.ts'
import { settingsFrom } from './config/settings.ts'
import { configuredStore } from './configured-store.ts'

const nowhere = 'unix:///nonexistent/redis.sock'

test.each([
  ['deadlineMs: 40', 40],
  // A node must not wait for one command until the others take it for dead.
  ['deadlineMs: 60000', 50],
])('the cluster waits for a command as long as the store does, within a third of its time to live: %j', async (deadline, waitedMs) => {
  const text = `{ store: { type: redis, url: "${nowhere}", ${deadline} }, cluster: { heartbeatMs: 50, ttlMs: 150 } }`
  const settings = settingsFrom(parseConfig(text, {}), { environment: {} })
  const { store, cluster } = await configuredStore(settings, silentLogger)
  try {
    const error: unknown = await cluster?.acquire('key').catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({ code: 'store-io', message: expect.stringContaining(`waited ${waitedMs} ms`) })
  } finally {
    await cluster?.stop()
    await store.stop()
  }
})
