export { faultyProvider, type ProviderCall, type ProviderFault, type ProviderFaultPlan } from '../faulty-provider.ts'
export { faultyStore } from '../faulty-store.ts'
export { integerBetween, pickOne, seededRandom } from '../seeded-random.ts'
export { sequentialIds } from '../sequential-ids.ts'
export type { StoreCall, StoreFault, StoreFaultPlan } from '../store-fault.ts'
export {
  type ActorSimulationReport,
  type SimulateActorsOptions,
  simulateActors,
  simulateActorsDefaults,
} from './actors/simulate-actors.ts'
export type { ClusterEvent } from './cluster/cluster-event.ts'
export type { ClusterSimulationReport } from './cluster/cluster-simulation-report.ts'
export { type SimulateClusterOptions, simulateCluster, simulateClusterDefaults } from './cluster/simulate-cluster.ts'
export { type ContentReport, type SimulateContentOptions, simulateContent } from './content/simulate-content.ts'
export { type SimulateOptions, simulate, simulateDefaults } from './simulate.ts'
export type { SimulatedEvent } from './simulated-event.ts'
export type { SimulationReport } from './simulation-report.ts'
export { type Invariant, SimulationFailure } from './trace.ts'
