import { LocalEventBus } from '@beamclaw/core'
import { eventBusContract } from './event-bus-contract.ts'

eventBusContract('LocalEventBus', () => ({ bus: new LocalEventBus() }))
