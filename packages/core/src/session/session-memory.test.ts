import { flushEventLoop } from '@beamclaw/actor/testing'
import { expect, onTestFinished, test } from 'vitest'
import { SoloCluster } from '../defaults/solo-cluster.ts'
import type { Lease } from '../ports/cluster.ts'
import { heldStore } from '../testing/held-store.ts'
import { FunctionModel, stage } from '../testing/model.ts'

class RecordingCluster extends SoloCluster {
  readonly released: string[] = []

  override async release(lease?: Lease): Promise<void> {
    if (lease !== undefined) this.released.push(lease.key)
  }
}

test('a session is free for its next owner once its log is closed, and no sooner', async () => {
  const held = heldStore()
  const cluster = new RecordingCluster()
  const { claw } = await stage(new FunctionModel(() => ({ text: 'fine' })), {}, { store: held.store, cluster })
  onTestFinished(() => claw.kill())
  await claw.session('agent:main:main').send('hello').result()
  held.hold('close', 'sessions')
  const stopped = claw.stop()
  await held.isHeld
  await flushEventLoop()
  expect(cluster.released).toEqual([])
  held.release()
  await stopped
  expect(cluster.released).toEqual(['default:agent:main:main'])
})
