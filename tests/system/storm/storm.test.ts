/** The storm in small. `npm run faults -- F42` has 5,000 clients. */
import { expect, test } from 'vitest'
import { storm } from './storm.ts'

test('F42: after a kill -9 a hundred clients come back at once, all get in, and miss nothing', async () => {
  expect(await storm({ clients: 100, report: () => {} })).toEqual([])
})
