import { describe, expect, test } from 'vitest'
import { seededRandom } from '../../../packages/testkit/src/seeded-random.ts'
import { attackOf } from './attacks.ts'
import { fuzzGateway } from './fuzz-gateway.ts'

describe('hostile clients at the doors of a gateway', () => {
  test.each([1, 2, 3, 4])('end nothing, keep nobody waiting and leave nothing behind: seed %i', async (seed) => {
    expect((await fuzzGateway({ seed, attacks: 40 })).attacks).toBe(40)
  })

  test('are the same for the same seed', () => {
    expect(attackOf(seededRandom(7))).toEqual(attackOf(seededRandom(7)))
  })
})
