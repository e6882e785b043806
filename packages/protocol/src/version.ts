/** The version of the protocol. */

/** The version that clients must support. */
export const protocolVersion = 4

/** The oldest version that a client may name as the lower end of its range when it only probes for a gateway. */
export const minimumProbeVersion = 3
