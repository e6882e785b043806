/** A crash between any two steps of a deletion: the session is whole, or nothing of it is left after the next start. */
import { flushEventLoop } from '@beamclaw/actor/testing'
import { describe, expect, onTestFinished, test } from 'vitest'
import { defaultTenant } from '../../base/ids.ts'
import { key, owner, scene, withImage } from '../../testing/attachment-scene.ts'
import { stage } from '../../testing/model.ts'

type Scene = Awaited<ReturnType<typeof scene>>

const never = (): Promise<never> => new Promise(() => {})

/** Where a deletion stands still; returns what lets the store work again. */
const points: [string, (set: Scene) => () => void][] = [
  [
    'after the journal',
    ({ held }) => {
      held.around = { after: never }
      return () => {
        held.around = {}
      }
    },
  ],
  [
    'before the entry in the index',
    ({ held: { memory } }) => {
      const own = memory.index.delete
      memory.index.delete = never
      return () => {
        memory.index.delete = own
      }
    },
  ],
  [
    'before the attachments',
    ({ held }) => {
      held.before = (call) => (call === 'deleteAll' ? never() : undefined)
      return () => {
        held.before = () => {}
      }
    },
  ],
]

describe.each(['now', 'on-demand'] as const)('sessions that are resumed %s', (resume) => {
  test.each(points)('a deletion that a crash interrupts %s leaves nothing, of a session that was long at rest too', async (_, hold) => {
    const set = await scene()
    await set.claw.session(key).configure({ label: 'kept' })
    await set.claw.session(key).send(withImage()).result()
    // It has left the list of busy sessions, and its entry is written.
    await set.clock.advance(10_000)
    await flushEventLoop()
    const release = hold(set)
    set.claw
      .session(key)
      .delete()
      .catch(() => {})
    await flushEventLoop()
    set.claw.kill()
    release()
    const next = await stage(set.model, {}, { store: set.held.store, resume })
    onTestFinished(() => void next.claw.kill())
    await next.claw.resumed
    await flushEventLoop()
    expect(await set.held.memory.blobs.list(owner)).toEqual([])
    expect(await set.held.memory.index.get(defaultTenant, [key as never])).toEqual([])
    expect(await set.held.memory.list(['default'] as never)).toEqual([['default', 'activity']])
    expect(await next.claw.sessions()).toEqual([])
  })
})
