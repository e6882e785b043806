/** The contract of the Cluster port as a test suite: an adapter that passes it is a correct Cluster. */
import { deathTests, isolationTests } from './cluster-death-contract.ts'
import { type ClusterTests, type ClusterUnderTest, clusterKey } from './cluster-fixtures.ts'
import { hostTests } from './cluster-host-contract.ts'
import { fencingTests, joinTests, leaseTests, releaseTests, restartTests } from './cluster-lease-contract.ts'
import { memberTests } from './cluster-member-contract.ts'
import { requestTests, tellTests } from './cluster-message-contract.ts'
import { handOverTests, placeTests } from './cluster-place-contract.ts'
import { type ContractOptions, declareContract } from './contract.ts'

export type { ClusterUnderTest } from './cluster-fixtures.ts'

const stopTests: ClusterTests = {
  async 'stopping is done once, however often it is asked for'({ cluster }) {
    await cluster.acquire(clusterKey)
    await cluster.stop()
    await cluster.stop()
  },
}

const sections = {
  leases: leaseTests,
  release: releaseTests,
  fencing: fencingTests,
  restart: restartTests,
  join: joinTests,
  host: hostTests,
  members: memberTests,
  places: placeTests,
  handOver: handOverTests,
  requests: requestTests,
  tells: tellTests,
  death: deathTests,
  isolation: isolationTests,
  stop: stopTests,
} as const

/** A part of the contract that can be skipped as a whole. */
export type ClusterContractSection = keyof typeof sections

/** The `describe` and `it` of the test runner, and the sections to skip, each with a reason. */
export type ClusterContractOptions = ContractOptions<ClusterContractSection>

/**
 * Declares the contract's tests; call it at the top level of a test file. `makeCluster` is called once for each test.
 *
 * @example
 * clusterContract('MyCluster', () => ({ cluster: new MyCluster() }), { describe, it })
 */
export function clusterContract(
  name: string,
  makeCluster: () => ClusterUnderTest | Promise<ClusterUnderTest>,
  options: ClusterContractOptions,
): void {
  const dispose = async ({ cluster, dispose: rest }: ClusterUnderTest): Promise<void> => {
    await cluster.stop()
    await rest?.()
  }
  declareContract({
    suite: 'clusterContract',
    title: `${name} keeps the Cluster contract`,
    sections,
    make: makeCluster,
    adapters: ['cluster'],
    dispose,
    options,
  })
}
