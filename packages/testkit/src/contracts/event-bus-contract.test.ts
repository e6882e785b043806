import { LocalEventBus } from '@beamclaw/core'
import { describe, it } from 'vitest'
import { eventBusContract } from './event-bus-contract.ts'
import { type BusFlaw, busMistakes, MistakenBus } from './testing/mistaken-bus.ts'
import { expectCaught } from './testing/planted-mistakes.ts'

eventBusContract('LocalEventBus', () => ({ bus: new LocalEventBus(), another: () => new LocalEventBus() }), {
  describe,
  it,
  deadlineMs: 25_000,
})

describe('the EventBus contract', () => {
  expectCaught<BusFlaw>(busMistakes, (flaw, options) =>
    eventBusContract('A bus', () => ({ bus: new MistakenBus(flaw), another: () => new MistakenBus(flaw) }), options),
  )
})
