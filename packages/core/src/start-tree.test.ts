import type { Logger } from '@beamclaw/actor'
import { expect, test } from 'vitest'
import { defineAgent } from './agent/agent.ts'
import { parseNodeId } from './base/ids.ts'
import { BeamClaw } from './beamclaw.ts'
import { SoloCluster } from './defaults/solo-cluster.ts'
import type { NodeRef } from './ports/cluster.ts'
import { FunctionModel } from './testing/model.ts'

/** One node of several, as its incarnation says. */
class OneOfSeveral extends SoloCluster {
  override readonly self: NodeRef = { id: parseNodeId('one'), incarnation: 'one-1' }
  readonly hasFixedPlaces: boolean

  constructor(hasFixedPlaces: boolean) {
    super()
    this.hasFixedPlaces = hasFixedPlaces
  }
}

test.each([
  ['that move their sessions are', false, 1],
  ['with fixed places are not', true, 0],
])('nodes %s warned of a store that does not say which one it is', async (_, hasFixedPlaces, warnings) => {
  const said: string[] = []
  const logger: Logger = { log: (_level, event) => void said.push(event) }
  const claw = await new BeamClaw({
    providers: { test: new FunctionModel(() => ({ text: 'fine' })) },
    agents: [defineAgent({ id: 'main', model: 'test/model' })],
    cluster: new OneOfSeveral(hasFixedPlaces),
    services: { logger },
  }).start()
  claw.kill()
  expect(said.filter((event) => event === 'cluster.store-unknown')).toHaveLength(warnings)
})
