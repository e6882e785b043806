import { MemoryStore } from '@beamclaw/core'
import { expect, test } from 'vitest'
import { fencingToken, logRecords, storeKey } from '../../contracts/store-fixtures.ts'
import { nodeStore } from './node-store.ts'

test('a node that stands still makes its calls once it goes on, in their order; a dead one makes none', async () => {
  const memory = new MemoryStore()
  const thawed = Promise.withResolvers<void>()
  const gate: { thawed: Promise<void> | undefined; isDead: boolean } = { thawed: undefined, isDead: false }
  const log = await nodeStore(memory, gate).openLog(storeKey('log'), fencingToken(1))
  gate.thawed = thawed.promise
  const [one, two] = logRecords(1, 2)
  const written = [log.append([one as never]), log.append([two as never])]
  await new Promise<void>((resolve) => setImmediate(resolve))
  expect((await memory.readLog(storeKey('log')))?.lastSeq).toBe(0)
  gate.thawed = undefined
  thawed.resolve()
  await Promise.all(written)
  expect((await memory.readLog(storeKey('log')))?.lastSeq).toBe(2)
  gate.isDead = true
  void log.append(logRecords(3, 3))
  await new Promise<void>((resolve) => setImmediate(resolve))
  expect((await memory.readLog(storeKey('log')))?.lastSeq).toBe(2)
})
