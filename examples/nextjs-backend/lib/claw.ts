/** The BeamClaw of this app. Every route imports it from here. */
import { BeamClaw, defineAgent, lazyBeamClaw } from '@beamclaw/core'
import { DemoProvider } from '@beamclaw/providers/demo'
import { FsStore } from '@beamclaw/store-fs'

// Next evaluates this module once for each of its bundles, and again after an edit: only puts together, starts nothing.
export const claw = lazyBeamClaw(
  'nextjs-backend',
  () =>
    new BeamClaw({
      providers: { demo: new DemoProvider({ delayMs: 20 }) },
      agents: [defineAgent({ id: 'main', model: 'demo/demo-1', system: 'Be brief.' })],
      // A server that is replaced has the directory for a moment longer.
      store: new FsStore({ path: process.env.DATA_DIRECTORY ?? './data', lockWaitMs: 15_000 }),
    }),
)
