/** What a simulation tells of itself. */

/** The result of a simulation in which every invariant held. */
export interface SimulationReport {
  readonly seed: number
  /** The events, one a line; the same for the same seed. */
  readonly trace: readonly string[]
  readonly crashes: number
  readonly messages: number
  /** Records of the sessions' journals. */
  readonly records: number
}
