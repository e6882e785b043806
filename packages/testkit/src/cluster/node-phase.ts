/** The phases of a node of a `MemoryNetwork`. */
import type { ClusterHost } from '@beamclaw/core'
import type { Envelope } from './message-lines.ts'

/** A member. `isIsolated` once its host was told so, until it has rejoined. */
export interface JoinedPhase {
  readonly name: 'joined'
  readonly host: ClusterHost
  isIsolated: boolean
}

export type NodePhase = { readonly name: 'new' } | JoinedPhase | { readonly name: 'stopped' } | { readonly name: 'killed' }

/** What is kept of a node while its process stands still. */
export interface NodeFreeze {
  readonly sent: Envelope[]
  readonly received: Envelope[]
  readonly thawed: PromiseWithResolvers<void>
}
