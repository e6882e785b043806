/** A session on one node, and readers on it and on another one. */
import { flushEventLoop, ManualClock } from '@beamclaw/actor/testing'
import type { RunEvent } from '../../base/events.ts'
import { sendEveryMs } from '../event-outbox.ts'
import { NodeNet, type TestNode } from './node-net.ts'
import { collect, lease, topic } from './session-events.ts'

/** Returns two nodes, of which the first one owns the session; `listen` subscribes on the second one. */
export async function two() {
  const clock = new ManualClock()
  const net = new NodeNet(clock)
  const owner = net.join('owner')
  const other = net.join('other')
  net.owners.set(lease, owner.self)
  const listen = (node: TestNode = other) => {
    const counts = { gaps: 0 }
    const subscription = node.events.subscribe(topic, { onGap: () => counts.gaps++ })
    return { subscription, counts, ...collect(subscription) }
  }
  const publish = async (...events: RunEvent[]): Promise<void> => {
    for (const event of events) owner.events.publish(topic, event)
    await flushEventLoop()
    // One message follows another one after that time.
    await clock.advance(sendEveryMs)
    await flushEventLoop()
  }
  return { clock, net, owner, other, listen, publish }
}
