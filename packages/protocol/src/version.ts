/** Which version of the protocol this is. */

/** The version that clients must offer. */
export const protocolVersion = 4

/** The oldest version that a client may name as the lower end of what it speaks, when it only looks whether a gateway is there. */
export const minimumProbeVersion = 3
