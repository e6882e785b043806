import type { StoreKey, TenantId } from '@beamclaw/core'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { scanBackwards } from './backward-scan.ts'
import { nodeFileSystem } from './file-system.ts'
import { parseRecord } from './parsed-line.ts'
import { SegmentTable } from './segment-table.ts'
import { encodeRecordLine, finishLine, isFirstOfGroup, isIntact, lineKey, proveHead, readHead } from './wal-line.ts'
import { walkSegment } from './wal-replay.ts'

const anyText = fc.string({ unit: 'binary', maxLength: 12 })
const anyKey = fc.array(fc.string({ unit: 'binary', minLength: 1, maxLength: 12 }), { minLength: 2, maxLength: 4 })
const anySeq = fc.oneof(fc.integer({ min: 1, max: 1_000 }), fc.maxSafeInteger().map(Math.abs).filter(Boolean))
const anyOwner = fc.option(
  fc.record({ token: fc.record({ epoch: fc.maxSafeInteger(), nonce: anyText }), snapshotSeq: fc.integer({ min: 0, max: 99 }) }),
  { nil: undefined },
)
const anyLine = fc.record({ key: anyKey, seq: anySeq, type: anyText, id: anyText, text: anyText, owner: anyOwner, isFirst: fc.boolean() })
type AnyLine = typeof anyLine extends fc.Arbitrary<infer T> ? T : never

function bytesOf({ key, seq, type, id, text, owner, isFirst }: AnyLine): Buffer {
  const record = { seq, type, id, ts: 1, json: JSON.stringify({ text }) }
  return Buffer.from(finishLine(encodeRecordLine(lineKey(key as unknown as [TenantId, ...string[]] & StoreKey), record, owner), isFirst))
}

describe('a line', () => {
  test('comes back as it was, head and content', () => {
    fc.assert(
      fc.property(anyLine, (line) => {
        const bytes = bytesOf(line)
        const end = bytes.length - 1
        expect(isIntact(bytes, 0, end)).toBe(true)
        const head = readHead(bytes, 0, end)
        expect(head).toMatchObject({ kind: 'record', seq: line.seq })
        expect(head?.owner?.token.nonce.isWellFormed() === false ? undefined : head?.owner).toEqual(line.owner)
        expect(JSON.parse(Buffer.from(head?.key ?? '', 'latin1').toString())).toEqual(line.key)
        expect(isFirstOfGroup(bytes, end)).toBe(line.isFirst)
        expect(parseRecord(bytes, 0, end)).toEqual({ seq: line.seq, type: line.type, id: line.id, ts: 1, data: { text: line.text } })
      }),
    )
  })

  test('with one wrong bit is not intact, and still says whose it is', () => {
    fc.assert(
      fc.property(anyLine, fc.nat(), (line, at) => {
        const good = bytesOf(line)
        const bytes = Buffer.from(good)
        const bit = at % ((bytes.length - 1) * 8)
        bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) ^ (1 << (bit & 7))
        expect(isIntact(bytes, 0, bytes.length - 1)).toBe(false)
        expect(proveHead(bytes, 0, bytes.length - 1)).toEqual({
          kind: 'record',
          seq: line.seq,
          key: readHead(good, 0, good.length - 1)?.key,
        })
      }),
    )
  })
})

describe('a segment', () => {
  test('cut anywhere gives the lines before the cut, and no damage', () => {
    fc.assert(
      fc.property(fc.array(anyLine, { minLength: 1, maxLength: 6 }), fc.nat(), (lines, at) => {
        const all = lines.map(bytesOf)
        const bytes = Buffer.concat(all)
        const cut = at % (bytes.length + 1)
        const seen: number[] = []
        const visitor = {
          line: (_: unknown, offset: number) => void seen.push(offset),
          damage: () => expect.unreachable('no line was damaged'),
        }
        const good = walkSegment(bytes.subarray(0, cut), 0, cut, true, visitor)
        const ends = all.map((_, index) => all.slice(0, index + 1).reduce((sum, { length }) => sum + length, 0))
        expect(good).toBe(Math.max(0, ...ends.filter((end) => end <= cut)))
        expect(seen).toHaveLength(ends.filter((end) => end <= cut).length)
      }),
    )
  })

  test('goes only when it and all older ones are moved, and never while it is written', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.integer({ min: 1, max: 9 }), fc.boolean()), { minLength: 1, maxLength: 8 }), (segments) => {
        const table = new SegmentTable()
        for (const [index, [bytes, isMoved]] of segments.entries()) {
          table.begin(index + 1, bytes)
          table.hold({ segment: index + 1, bytes })
          if (isMoved) table.free([{ kind: 'record', segment: index + 1, offset: 0, bytes, firstSeq: 1, lastSeq: 1 }])
        }
        let gone = 0
        for (let oldest = table.oldestFree(); oldest !== undefined; oldest = table.oldestFree()) {
          table.remove(oldest)
          gone += 1
          expect(oldest).toBe(gone)
        }
        const firstKept = segments.findIndex(([, isMoved], index) => !isMoved || index === segments.length - 1)
        expect(gone).toBe(firstKept)
      }),
    )
  })
})

test('a scan from the end visits the lines that a split gives, in reverse, whatever the sizes of lines are', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.oneof(fc.integer({ min: 0, max: 50 }), fc.integer({ min: 60_000, max: 140_000 })), { maxLength: 6 }),
      async (sizes) => {
        const content = Buffer.from(sizes.map((size, index) => `${String(index).repeat(size)}\n`).join(''))
        const fileSystem = {
          ...nodeFileSystem,
          read: async (_: number, bytes: Uint8Array, offset: number, length: number, position: number) =>
            content.copy(bytes, offset, position, position + length),
        }
        const seen: string[] = []
        await scanBackwards(fileSystem, 0, content.length, (bytes, start, end, offset) => {
          expect(content.subarray(offset, offset + end - start).equals(bytes.subarray(start, end))).toBe(true)
          seen.push(bytes.toString('latin1', start, end))
          return false
        })
        expect(seen).toEqual(content.toString('latin1').split('\n').slice(0, -1).reverse())
      },
    ),
    { numRuns: 50 },
  )
})
