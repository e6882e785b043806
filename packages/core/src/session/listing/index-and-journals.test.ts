/** The journals are what counts: an index that says otherwise is put right, and one that cannot be filled refuses lists alone. */
import { silentLogger } from '@beamclaw/actor'
import { flushEventLoop, ManualClock } from '@beamclaw/actor/testing'
import { expect, onTestFinished, test } from 'vitest'
import { wrapIndex } from '../../adapter/wrap-index.ts'
import { wrapStore } from '../../adapter/wrap-store.ts'
import { BeamClawError } from '../../base/errors.ts'
import { defaultTenant, parseSessionKey } from '../../base/ids.ts'
import type { BeamClawOptions } from '../../beamclaw-options.ts'
import { MemoryStore } from '../../defaults/memory-store.ts'
import { FunctionModel, type Stage, stage } from '../../testing/model.ts'

const key = parseSessionKey('agent:main:a')

async function up(options: Partial<BeamClawOptions> = {}): Promise<Stage> {
  const set = await stage(new FunctionModel(() => ({ text: 'an answer' })), {}, options)
  onTestFinished(() => void set.claw.kill())
  return set
}

test('an entry that says otherwise than the journal is put right once the session is read, and stays right', async () => {
  const set = await up()
  await set.claw.session(key).send('hello').result()
  await set.clock.advance(10_000)
  await flushEventLoop()
  const [right] = await set.store.index.get(defaultTenant, [key])
  if (right === undefined) throw new Error('the entry is there')
  // As an index that was copied from elsewhere has it.
  await set.store.index.put(defaultTenant, [{ ...right, preview: 'of another time', updatedAt: 1, settings: { owner: 'nobody' } }])
  const claw = await set.restart()
  await claw.session(key).history()
  await flushEventLoop()
  expect(await set.store.index.get(defaultTenant, [key])).toEqual([right])
  expect(await claw.sessions({ owner: 'nobody' })).toEqual([])
})

test('a list that waits for an index keeps the process alive until it is refused', async () => {
  const memory = new MemoryStore()
  const clear = (): Promise<void> => Promise.reject(new BeamClawError('store-io', 'the disk failed'))
  const clock = new ManualClock()
  const waits: unknown[] = []
  const { setTimer } = clock
  clock.setTimer = (callback: () => void, ms: number, ...[isBackground = false]: readonly boolean[]) => {
    if (ms === 10_000) waits.push(isBackground)
    return setTimer.call(clock, callback, ms)
  }
  const store = wrapStore(memory, { index: wrapIndex(memory.index, { clear }) })
  const set = await up({ store, services: { clock, logger: silentLogger } })
  const list = set.claw.sessions().catch((error: unknown) => error)
  await flushEventLoop()
  expect(waits).toEqual([false])
  await clock.advance(10_000)
  expect(await list).toMatchObject({ code: 'index-rebuilding' })
})

test('a lost list of busy sessions is made up for although the index says that it is complete', async () => {
  let isHeld = true
  const model = new FunctionModel(() => (isHeld ? new Promise(() => {}) : { text: 'after all' }))
  const set = await stage(model)
  await set.claw.session(key).send('hello', { idempotencyKey: 'one' }).accepted
  await flushEventLoop()
  set.claw.kill()
  isHeld = false
  await set.store.index.complete(defaultTenant)
  await set.store.delete([defaultTenant, 'activity'])
  const next = await stage(model, {}, { store: set.store })
  onTestFinished(() => void next.claw.kill())
  expect(await next.claw.resumed).toBe(1)
  expect((await next.claw.session(key).follow('one').result()).text).toBe('after all')
})
