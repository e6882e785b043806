// A node of a cluster in a process of its own, which a test kills and freezes. Arguments: URL, prefix, node id, times as JSON. Prints one JSON line for each event.
import { BeamClawError } from '@beamclaw/core'
import { RedisCluster } from '../redis-cluster.ts'
import { HeardHost } from './cluster-nodes.ts'

const [url = '', prefix = '', nodeId = '', times = '{}'] = process.argv.slice(2)
const print = (line: object): void => console.log(JSON.stringify(line))

class PrintingHost extends HeardHost {
  override onIsolated(): void {
    print({ event: 'isolated' })
  }
}

const cluster = new RedisCluster({ url, prefix, nodeId, ...(JSON.parse(times) as object) })
await cluster.join(new PrintingHost())
print({ event: 'up', incarnation: cluster.self.incarnation })
for (;;) {
  const { incarnation } = cluster.self
  try {
    const { token } = await cluster.acquire('key-of-the-process')
    print({ event: 'granted', incarnation, epoch: token.epoch })
  } catch (error) {
    print({ event: BeamClawError.isInstance(error) ? error.code : String(error), incarnation })
  }
  await new Promise((resolve) => setTimeout(resolve, 10))
}
