import { describe, expect, test } from 'vitest'
import { BeamClawError } from '../../base/errors.ts'
import { defaultTenant } from '../../base/ids.ts'
import { MemoryStore } from '../../defaults/memory-store.ts'
import type { LogEntry } from '../../ports/store.ts'
import { rebuildLists } from './rebuild-lists.ts'

const names = Array.from({ length: 80 }, (_, index) => `s${String(index).padStart(2, '0')}`)
const busyNames = ['s05', 's40', 's79']

/** A store with eighty sessions, three of them with work. */
async function filled(): Promise<MemoryStore> {
  const store = new MemoryStore()
  for (const name of names) {
    const log = await store.openLog([defaultTenant, 'sessions', 'main', name], { epoch: 1, nonce: 'a' })
    const data = busyNames.includes(name)
      ? { runId: 'r', queueMode: 'queue', message: { role: 'user', content: name } }
      : { runId: 'r', messages: [{ message: { role: 'user', content: name } }] }
    await log.append([{ seq: 1, type: busyNames.includes(name) ? 'message-in' : 'history-import', id: 'r', ts: 5, data } as LogEntry])
    await log.close()
  }
  return store
}

async function listed(store: MemoryStore): Promise<readonly string[]> {
  const page = await store.readLog([defaultTenant, 'activity'])
  const busy = (page?.records ?? []).filter(({ type }) => type === 'busy')
  return busy.map(({ data }) => String((data as { readonly sessionKey: string }).sessionKey).slice('agent:main:'.length))
}

const isComplete = async (store: MemoryStore): Promise<boolean> => (await store.index.status(defaultTenant)).isComplete

describe('the lists of a tenant', () => {
  test('are made anew from the journals: the index complete, and the sessions with work listed as busy', async () => {
    const store = await filled()
    const stale = await store.openLog([defaultTenant, 'activity'], { epoch: 9, nonce: 'z' })
    await stale.append([{ seq: 1, type: 'busy', id: '1', ts: 1, data: { sessionKey: 'agent:main:s01' } }])
    expect(await rebuildLists(store, defaultTenant)).toEqual({ total: 80, done: 80, withWork: 3, unreadable: 0, unnamedBlobs: 0 })
    expect(await listed(store)).toEqual(busyNames)
    expect(await isComplete(store)).toBe(true)
    expect(await store.index.page(defaultTenant, { sort: 'key', limit: 100 })).toHaveLength(80)
  })

  test('at each step, the index is not complete, and what was reported is listed', async () => {
    const store = await filled()
    const steps: unknown[] = []
    await rebuildLists(store, defaultTenant, {
      onProgress: async ({ done, withWork }) => {
        steps.push([done, withWork, (await listed(store)).length, await isComplete(store)])
      },
    })
    expect(steps).toEqual([
      [0, 0, 0, false],
      [32, 1, 1, false],
      [64, 2, 2, false],
      [80, 3, 3, false],
    ])
  })

  test.each([0, 32, 64, 80])('whose rebuild ended after %s sessions are not complete, and are made anew by the next', async (after) => {
    const store = await filled()
    await rebuildLists(store, defaultTenant)
    const ended = rebuildLists(store, defaultTenant, {
      onProgress: ({ done }) => {
        if (done === after) throw new Error('killed')
      },
    })
    await expect(ended).rejects.toThrow('killed')
    expect(await isComplete(store)).toBe(false)
    await rebuildLists(store, defaultTenant)
    expect(await listed(store)).toEqual(busyNames)
    expect(await isComplete(store)).toBe(true)
  })

  test('end early by a signal, with its reason', async () => {
    const store = await filled()
    const ending = new AbortController()
    const reason = new Error('enough')
    const onProgress = ({ done }: { readonly done: number }): void => void (done === 32 && ending.abort(reason))
    await expect(rebuildLists(store, defaultTenant, { signal: ending.signal, onProgress })).rejects.toBe(reason)
    expect(await isComplete(store)).toBe(false)
  })

  test('without a busy session have a record all the same: an empty list counts as lost', async () => {
    const store = await filled()
    for (const name of busyNames) await store.delete([defaultTenant, 'sessions', 'main', name])
    await rebuildLists(store, defaultTenant)
    expect((await store.readLog([defaultTenant, 'activity']))?.records).toMatchObject([{ type: 'idle' }])
  })

  test('list a session that cannot be read as busy, and tell of it', async () => {
    const store = await filled()
    const { readLog } = store
    store.readLog = (key, options) =>
      key[3] === 's07' ? Promise.reject(new BeamClawError('log-corrupt', 'a byte is wrong')) : readLog.call(store, key, options)
    const told: unknown[] = []
    const done = await rebuildLists(store, defaultTenant, { onUnreadable: (session) => void told.push(session) })
    expect(done).toMatchObject({ done: 80, withWork: 3, unreadable: 1 })
    expect(told).toEqual([{ sessionKey: 'agent:main:s07', damage: expect.stringContaining('a byte is wrong') }])
    expect(await listed(store)).toEqual(['s05', 's07', 's40', 's79'])
  })

  test('count the attachments that no record names, and none of those that one does', async () => {
    const store = await filled()
    const key = [defaultTenant, 'sessions', 'main', 's00'] as const
    const named = await store.blobs.put(key, new Uint8Array(10))
    await store.blobs.put(key, new Uint8Array(20))
    const data = { runId: 'r2', messages: [{ message: { role: 'user', content: named } }] }
    const log = await store.openLog(key, { epoch: 2, nonce: 'b' })
    await log.append([{ seq: 2, type: 'history-import', id: '2', ts: 5, data }])
    expect(await rebuildLists(store, defaultTenant)).toMatchObject({ unnamedBlobs: 1 })
  })
})
