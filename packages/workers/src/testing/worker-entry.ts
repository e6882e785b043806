/** A worker without a BeamClaw, which ends in the way that its first argument names. */
import { WorkerCluster } from '../worker-cluster.ts'

const [, , how, incarnationOf = ''] = process.argv
const cluster = WorkerCluster.child()
const isVictim = incarnationOf === '' || cluster.self.id === incarnationOf
if (how === 'exit') process.exit(3)
if (how === 'memory' && isVictim) {
  const held: number[][] = []
  for (;;) held.push(Array.from({ length: 100_000 }, (_, index) => index + held.length))
}
process.once('SIGTERM', () => process.disconnect())
await cluster.orphaned
process.exit()
