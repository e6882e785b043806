import { expect, test } from 'vitest'
import { noRedis } from '../lab/redis-server.ts'
import { nodesStorm } from './nodes-storm.ts'

test.skipIf(noRedis !== undefined)(
  `a few seconds of random faults cost no message and double none${noRedis === undefined ? '' : `: ${noRedis}`}`,
  async () => {
    const { runs, lost, doubled, gaps, innocentPoison, problems } = await nodesStorm({
      seconds: 5,
      atLeast: 51,
      sessions: 20,
      seed: 7,
      report: () => {},
    })
    expect(problems).toEqual([])
    expect({ lost, doubled, gaps, innocentPoison }).toEqual({ lost: 0, doubled: 0, gaps: 0, innocentPoison: 0 })
    expect(runs).toBeGreaterThan(50)
  },
  120_000,
)
