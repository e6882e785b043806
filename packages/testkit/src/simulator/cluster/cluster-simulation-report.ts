/** What a simulation of a cluster tells of itself. */

/** The result of a simulated cluster in which every invariant held. */
export interface ClusterSimulationReport {
  readonly seed: number
  /** The events, one a line; the same for the same seed. */
  readonly trace: readonly string[]
  readonly nodes: number
  /** Lives of all nodes: each start begins one. */
  readonly lives: number
  readonly messages: number
  /** Records of the sessions' journals. */
  readonly records: number
}
