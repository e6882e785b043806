import { expect, test } from 'vitest'
import { parseTenantId } from '../base/ids.ts'
import { SoloCluster } from '../defaults/solo-cluster.ts'
import type { MemberChange } from '../ports/cluster.ts'
import type { NodePhase } from '../session/node-phase.ts'
import { type LinkedTenant, NodeLink, type NodeLinkOptions } from './node-link.ts'

/** A link whose only tenant takes until `ended` to end its sessions. */
function scene() {
  const ended = Promise.withResolvers<void>()
  const rejoined: string[] = []
  const phase = { value: 'running' as NodePhase }
  const tenant: Pick<LinkedTenant, 'id' | 'isolate' | 'rejoin' | 'tables'> = {
    id: parseTenantId('default'),
    isolate: () => ended.promise,
    rejoin: () => void rejoined.push('rejoined'),
    tables: { membersChanged() {} } as unknown as LinkedTenant['tables'],
  }
  const told: string[] = []
  const logger = { log: (_: string, event: string, { node }: { readonly node?: string } = {}) => void told.push(`${event} ${node}`) }
  const options = { cluster: new SoloCluster(), services: { logger }, phase, tenants: [tenant], onLost() {} }
  return { link: new NodeLink(options as unknown as NodeLinkOptions), phase, ended, rejoined, told }
}

const self = new SoloCluster().self
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

test('a node that is back works again once the sessions of its life before have ended, and not sooner', async () => {
  const { link, phase, ended, rejoined } = scene()
  link.onIsolated()
  link.onRejoined(self)
  await turn()
  expect([phase.value, rejoined]).toEqual(['isolated', []])
  ended.resolve()
  await turn()
  expect([phase.value, rejoined]).toEqual(['running', ['rejoined']])
})

test('a node that is drained while it is cut off is draining when it is back', async () => {
  const { link, phase, ended } = scene()
  link.onIsolated()
  link.drain()
  expect(phase.value).toBe('isolated')
  ended.resolve()
  link.onRejoined(self)
  await turn()
  expect(phase.value).toBe('draining')
})

test('a node that is cut off once more before its sessions have ended does nothing until it is back from that, too', async () => {
  const { link, phase, ended, rejoined } = scene()
  link.onIsolated()
  link.onRejoined(self)
  link.onIsolated()
  ended.resolve()
  await turn()
  expect([phase.value, rejoined]).toEqual(['isolated', []])
  link.onRejoined(self)
  await turn()
  expect([phase.value, rejoined]).toEqual(['running', ['rejoined']])
})

test('the log tells of other nodes that come and go, and not of this one that is back under its name', () => {
  const { link, told } = scene()
  const member = (id: string, incarnation: string) => ({ ...self, id, incarnation, state: 'up', load: 0, wire: [1, 1], records: [1, 1] })
  const change = { joined: [member(self.id, 'second'), member('other', 'first')], left: [member(self.id, self.incarnation)] }
  link.onMembers(change as unknown as MemberChange)
  expect(told.filter((line) => /joined|left/.test(line))).toEqual(['cluster.joined other'])
})
