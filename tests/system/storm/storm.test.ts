/** The storms in small. `npm run faults -- F42` has 5,000 clients, and with `--nodes 3` three gateways. */
import { expect, test } from 'vitest'
import { noRedis } from '../lab/redis-server.ts'
import { storm } from './storm.ts'
import { stormOverNodes } from './storm-over-nodes.ts'

test('F42: after a kill -9 a hundred clients come back at once, all get in, and miss nothing', async () => {
  expect(await storm({ clients: 100, report: () => {} })).toEqual([])
})

test.skipIf(noRedis !== undefined)(
  'F42: when one of three gateways dies, its clients come to the others, all get in, and miss nothing',
  async () => {
    expect(await stormOverNodes({ clients: 120, nodes: 3, report: () => {} })).toEqual([])
  },
)
