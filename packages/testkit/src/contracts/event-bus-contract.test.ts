import { LocalEventBus } from '@beamclaw/core'
import { describe, it } from 'vitest'
import { eventBusContract } from './event-bus-contract.ts'

eventBusContract('LocalEventBus', () => ({ bus: new LocalEventBus() }), { describe, it, deadlineMs: 25_000 })
