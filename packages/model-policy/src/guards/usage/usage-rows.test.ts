import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { decodeDocument, encodeDocument } from './usage-document.ts'
import { reportOf, type UsageDimension } from './usage-report.ts'
import { addToRows, mergeRows, rowsBeyond, type UsageLabels, type UsageRow } from './usage-rows.ts'

const name = fc.constantFrom('a', 'b', 'c')
const entry = fc.record({
  labels: fc.record({ provider: name, model: name, agent: name, tenant: name }),
  counts: fc.record({ requests: fc.nat(9), inputTokens: fc.nat(9_999), costNanoUsd: fc.nat(10 ** 9) }),
})
const entries = fc.array(entry, { maxLength: 30 })
type Entry = { readonly labels: UsageLabels; readonly counts: { readonly requests: number; readonly costNanoUsd: number } }

function rowsOf(of: readonly Entry[], maxRows = 1_000): Map<string, UsageRow> {
  const rows = new Map<string, UsageRow>()
  for (const { labels, counts } of of) addToRows(rows, labels, counts, maxRows)
  return rows
}

describe('rows of usage', () => {
  test('sum up the same whatever they are summed up by', () => {
    const by = fc.uniqueArray(fc.constantFrom<UsageDimension>('provider', 'model', 'agent', 'tenant', 'day'))
    fc.assert(
      fc.property(entries, by, (of, dimensions) => {
        const lines = reportOf([['2026-01-01', rowsOf(of)]], { by: dimensions })
        const sum = (pick: (line: (typeof lines)[number]) => number) => lines.reduce((total, line) => total + pick(line), 0)
        expect(sum(({ requests }) => requests)).toBe(of.reduce((total, { counts }) => total + counts.requests, 0))
        expect(sum(({ costUsd }) => Math.round(costUsd * 1e9))).toBe(of.reduce((total, { counts }) => total + counts.costNanoUsd, 0))
      }),
    )
  })

  test('merge to what they would be if they had been counted together', () => {
    fc.assert(
      fc.property(entries, entries, (first, second) => {
        expect(mergeRows(rowsOf(first), rowsOf(second), 1_000)).toEqual(rowsOf([...first, ...second]))
      }),
    )
  })

  test('differ by exactly what was added', () => {
    fc.assert(
      fc.property(entries, entries, (first, second) => {
        const before = rowsOf(first)
        const after = rowsOf([...first, ...second])
        const beyond = new Map(before)
        for (const { labels, counts } of rowsBeyond(before, after)) addToRows(beyond, labels, counts, 1_000)
        expect(reportOf([['', beyond]], { by: ['model', 'agent'] })).toEqual(reportOf([['', after]], { by: ['model', 'agent'] }))
      }),
    )
  })

  test('are never more than allowed, and lose nothing of the total', () => {
    fc.assert(
      fc.property(entries, fc.integer({ min: 1, max: 5 }), (of, maxRows) => {
        const rows = rowsOf(of, maxRows)
        expect(rows.size).toBeLessThanOrEqual(maxRows + 1)
        expect(reportOf([['', rows]], {})).toEqual(reportOf([['', rowsOf(of)]], {}))
      }),
    )
  })

  test('come back from a document as they were', () => {
    fc.assert(
      fc.property(entries, fc.dictionary(fc.stringMatching(/^usage-[a-z]{1,5}$/), fc.nat(99)), (of, writers) => {
        const value = JSON.parse(JSON.stringify(encodeDocument({ rows: rowsOf(of), writers })))
        expect(decodeDocument(value)).toEqual({ rows: rowsOf(of), writers: { ...writers } })
      }),
    )
  })

  test.each([
    null,
    [],
    {},
    { format: 2, rows: [], writers: {} },
    { format: 1, rows: [{}], writers: {} },
    { format: 1, rows: {}, writers: {} },
  ])('are not read from something else: %j', (value) => {
    expect(decodeDocument(value)).toBeUndefined()
  })
})

describe('a report', () => {
  const labels = { provider: 'acme', model: 'small', agent: 'ops', tenant: 'north' }
  const days: [string, Map<string, UsageRow>][] = [
    ['2026-01-02', rowsOf([{ labels, counts: { requests: 2, costNanoUsd: 0 } }])],
    ['2026-01-01', rowsOf([{ labels: { ...labels, tenant: 'south' }, counts: { requests: 1, costNanoUsd: 5e8 } }])],
    ['2026-01-03', rowsOf([{ labels, counts: { requests: 4, costNanoUsd: 0 } }])],
  ]

  test('has one line for all when it is asked for nothing else, also of nothing', () => {
    expect(reportOf(days, {})).toMatchObject([{ of: {}, requests: 7, costUsd: 0.5 }])
    expect(reportOf([], {})).toMatchObject([{ requests: 0, costUsd: 0 }])
  })

  test('has a line for each, in order', () => {
    expect(reportOf(days, { by: 'day' }).map(({ of, requests }) => [of.day, requests])).toEqual([
      ['2026-01-01', 1],
      ['2026-01-02', 2],
      ['2026-01-03', 4],
    ])
    expect(reportOf(days, { by: ['tenant', 'model'] }).map(({ of }) => of)).toEqual([
      { tenant: 'north', model: 'small' },
      { tenant: 'south', model: 'small' },
    ])
  })

  test('counts the days and labels that are asked for', () => {
    expect(reportOf(days, { from: '2026-01-02', to: '2026-01-02' })).toMatchObject([{ requests: 2 }])
    expect(reportOf(days, { where: { tenant: 'south' } })).toMatchObject([{ requests: 1 }])
  })

  test('refuses a dimension there is not', () => {
    expect(() => reportOf(days, { by: 'week' as never })).toThrow(/"by" must be one or more of provider/)
  })
})
