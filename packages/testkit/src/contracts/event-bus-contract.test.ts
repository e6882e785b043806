import { LocalEventBus } from '@beamclaw/core'
import { describe, it } from 'vitest'
import { eventBusContract } from './event-bus-contract.ts'
import { type BusFlaw, busMistakes } from './testing/bus-mistakes.ts'
import { MistakenBus } from './testing/mistaken-bus.ts'
import { expectCaught } from './testing/planted-mistakes.ts'

eventBusContract('LocalEventBus', () => ({ bus: new LocalEventBus(), another: () => new LocalEventBus() }), {
  describe,
  it,
  deadlineMs: 25_000,
})

describe('the EventBus contract', () => {
  expectCaught<BusFlaw>(busMistakes, (flaw, options) =>
    eventBusContract(
      'A bus',
      () => {
        const bus = new MistakenBus(flaw)
        return { bus, another: () => new MistakenBus(flaw), lose: (publish) => bus.lose(publish) }
      },
      options,
    ),
  )
})
