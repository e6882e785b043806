import { expect, test } from 'vitest'
import { defaultTenant } from '../base/ids.ts'
import { MemoryStore } from '../defaults/memory-store.ts'
import { wrapLog } from './wrap-log.ts'
import { wrapStore } from './wrap-store.ts'

test('a wrapped store and its logs do what they are told, and the rest as before', async () => {
  const memory = new MemoryStore()
  const appended: number[] = []
  const puts: unknown[] = []
  const store = wrapStore(memory, {
    put: (key, value, options) => {
      puts.push(value)
      return memory.put(key, value, options)
    },
    openLog: async (key, token) => {
      const log = await memory.openLog(key, token)
      return wrapLog(log, {
        append: async (records) => {
          appended.push(records.length)
          await log.append(records)
        },
      })
    },
  })
  await store.put([defaultTenant, 'jobs', 'report'], { due: 1 })
  expect([puts, (await store.get([defaultTenant, 'jobs', 'report']))?.value]).toEqual([[{ due: 1 }], { due: 1 }])
  expect(await memory.list([defaultTenant, 'jobs'])).toEqual(await store.list([defaultTenant, 'jobs']))
  await store.delete([defaultTenant, 'jobs', 'report'])
  expect(await memory.get([defaultTenant, 'jobs', 'report'])).toBeUndefined()

  const log = await store.openLog([defaultTenant, 'sessions', 'main'], { epoch: 1, nonce: 'a' })
  const record = { seq: 1, type: 'note', id: 'one', ts: 1, data: {} }
  await log.append([record])
  expect([appended, (await log.read()).records]).toEqual([[1], [record]])
  await log.snapshot({ seq: 1, state: { sum: 1 } })
  expect((await log.read()).snapshot).toMatchObject({ seq: 1, state: { sum: 1 } })
  await log.close()
  await store.stop()
})
