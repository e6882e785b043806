/** The storm in small. `npm run faults -- F42` has 5,000 clients. */
import { expect, test } from 'vitest'
import { storm } from './storm.ts'

test('F42: after a kill -9 a hundred clients come back at once, all get in, and miss nothing', async () => {
  const lines: string[] = []
  expect(await storm({ clients: 100, report: (line) => lines.push(line) })).toEqual([])
  expect(lines.join('\n')).toMatch(/told to come again [1-9]/)
})
