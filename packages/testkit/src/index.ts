export { flushEventLoop, ManualClock, ScriptedProvider, textAnswer, toolAnswer } from '@beamclaw/core/testing'
export type { MemoryCluster } from './cluster/memory-cluster.ts'
export { MemoryNetwork, type MemoryNetworkOptions, type MemoryNodeOptions } from './cluster/memory-network.ts'
export {
  type MessageFault,
  type MessageFaultPlan,
  type NetworkMessage,
  type RandomMessageFaultsOptions,
  randomMessageFaults,
} from './cluster/message-faults.ts'
export {
  type ClusterContractOptions,
  type ClusterContractSection,
  type ClusterUnderTest,
  clusterContract,
} from './contracts/cluster-contract.ts'
export {
  type ContractEvent,
  type EventBusContractOptions,
  type EventBusContractSection,
  type EventBusUnderTest,
  eventBusContract,
} from './contracts/event-bus-contract.ts'
export { type ProviderContractOptions, type ProviderContractSection, providerContract } from './contracts/provider-contract.ts'
export type { ProviderUnderTest, ServiceBehavior } from './contracts/provider-fixtures.ts'
export {
  type SandboxContractOptions,
  type SandboxContractSection,
  type SandboxUnderTest,
  sandboxContract,
} from './contracts/sandbox-contract.ts'
export {
  type MakeStore,
  type StoreContractOptions,
  type StoreContractSection,
  storeContract,
} from './contracts/store-contract.ts'
export { expectRejection, fencingToken, logRecords, range, seqsOf, storeKey } from './contracts/store-fixtures.ts'
export type { StoreUnderTest } from './contracts/store-under-test.ts'
export { faultyProvider, type ProviderCall, type ProviderFault, type ProviderFaultPlan } from './faulty-provider.ts'
export { faultyStore } from './faulty-store.ts'
export { type TcpAddress, type TcpDirection, TcpProxy, type TcpProxyOptions } from './proxy/tcp-proxy.ts'
export { assertRunFailed, assertRunText, assertToolCalled, assertToolDenied, assertToolNotCalled } from './runs/run-assertions.ts'
export { type DeniedToolCall, type RecordedToolCall, type RunRecord, recordRun, toolCallsOf } from './runs/run-record.ts'
export { seededRandom } from './seeded-random.ts'
export { sequentialIds } from './sequential-ids.ts'
export { type SimulateOptions, simulate, simulateDefaults } from './simulator/simulate.ts'
export type { SimulatedEvent } from './simulator/simulated-event.ts'
export type { SimulationReport } from './simulator/simulation-report.ts'
export { type Invariant, SimulationFailure } from './simulator/trace.ts'
export type { StoreCall, StoreFault, StoreFaultPlan } from './store-fault.ts'
