/** Which shard moves next from one worker that runs to another. Pure. */
import type { MemberState, NodeRef } from '@beamclaw/core'
import { shardOfMark } from './shards.ts'

/** A worker, as far as its shards are concerned. */
export interface BalancedWorker {
  readonly ref: NodeRef
  readonly state: MemberState
  /** True once it has stood for a while: one that dies again and again gets nothing. */
  readonly isSettled: boolean
}

export interface ShardMove {
  readonly shard: number
  readonly to: NodeRef
}

/**
 * Returns the next move; undefined when there is none to make. First a draining worker is emptied; then the worker with the most gives one to the settled worker
 * with the fewest, while it has two more than that one.
 */
export function nextMove(owners: readonly (NodeRef | null)[], workers: readonly BalancedWorker[]): ShardMove | undefined {
  const shardsOf = ({ incarnation }: NodeRef): readonly number[] =>
    owners.flatMap((owner, shard) => (owner?.incarnation === incarnation ? [shard] : []))
  const up = workers.filter(({ state }) => state === 'up').map(({ ref, isSettled }) => ({ ref, isSettled, shards: shardsOf(ref) }))
  const byCount = [...up].sort((a, b) => a.shards.length - b.shards.length)
  const [fewest] = byCount
  if (fewest === undefined) return undefined
  for (const { ref, state } of workers) {
    const [shard] = state === 'draining' ? shardsOf(ref) : []
    if (shard !== undefined) return { shard, to: fewest.ref }
  }
  const heir = byCount.find(({ isSettled }) => isSettled)
  const giver = byCount.at(-1)
  if (heir === undefined || giver === undefined || giver.shards.length - heir.shards.length < 2) return undefined
  // Each worker writes its list of busy sessions in the shard that its name says: that one goes last.
  const own = shardOfMark(giver.ref.incarnation)
  const shard = giver.shards.findLast((one) => one !== own)
  return shard === undefined ? undefined : { shard, to: heir.ref }
}
