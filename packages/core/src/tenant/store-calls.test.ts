import { expect, test } from 'vitest'
import { defaultTenant } from '../base/ids.ts'
import { MemoryStore } from '../defaults/memory-store.ts'
import { StoreCalls } from './store-calls.ts'

test('a call that has failed is not under way any more', async () => {
  const store = new MemoryStore()
  await store.stop()
  const calls = new StoreCalls(store)
  const call = calls.get([defaultTenant, 'one'])
  expect(calls.underWay).toEqual(['get of default/one'])
  await expect(call).rejects.toMatchObject({ code: 'store-stopped' })
  await calls.settled()
  expect(calls.underWay).toEqual([])
})
