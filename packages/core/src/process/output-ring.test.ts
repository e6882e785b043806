import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { OutputRing } from './output-ring.ts'
import { readOutput, tailOf } from './read-output.ts'

const encode = (text: string): Uint8Array => new TextEncoder().encode(text)

describe('the ring of the output', () => {
  test('has the last bytes of all that was added, whatever the pieces', () => {
    const chunk = fc.uint8Array({ maxLength: 60 })
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 40 }),
        fc.array(chunk, { maxLength: 20 }),
        fc.nat(300),
        fc.nat(80),
        (capacity, chunks, from, max) => {
          const ring = new OutputRing(capacity)
          for (const piece of chunks) ring.append(piece)
          const all = chunks.flatMap((piece) => [...piece])
          expect(ring.total).toBe(all.length)
          expect(ring.first).toBe(Math.max(0, all.length - capacity))
          const read = ring.read(from, max)
          expect(read.from).toBe(Math.min(all.length, Math.max(from, ring.first)))
          expect([...read.bytes]).toEqual(all.slice(read.from, read.from + max))
        },
      ),
    )
  })

  test('grows beyond its first buffer without losing a byte', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(5_000), { maxLength: 12 }), (sizes) => {
        const ring = new OutputRing(20_000)
        const all: number[] = []
        for (const [index, size] of sizes.entries()) {
          const piece = new Uint8Array(size).fill(index + 1)
          ring.append(piece)
          all.push(...piece)
        }
        expect([...ring.read(0, 30_000).bytes]).toEqual(all.slice(-20_000))
      }),
      { numRuns: 50 },
    )
  })

  test('goes on after a stored tail, and knows what is missing before it', () => {
    const ring = new OutputRing(100, encode('end'), 1_000)
    expect([ring.first, ring.total]).toEqual([997, 1_000])
    ring.append(encode('!'))
    expect(readOutput(ring, 0, 100, false)).toMatchObject({ text: 'end!', from: 997, next: 1_001, missed: 997 })
  })

  test('copies what it is given: a sandbox may use its buffer again', () => {
    const ring = new OutputRing(100)
    const buffer = encode('first')
    ring.append(buffer)
    buffer.fill(0)
    expect(tailOf(ring, 64, true).text).toBe('first')
  })

  test('takes a gigabyte in a buffer of its capacity', () => {
    const ring = new OutputRing(204_800)
    const chunk = new Uint8Array(65_536).fill(0x61)
    for (let index = 0; index < 16_384; index++) ring.append(chunk)
    expect(ring.total).toBe(1024 ** 3)
    expect(ring.read(0, Number.MAX_SAFE_INTEGER).bytes.length).toBe(204_800)
  })
})

describe('reading by byte numbers', () => {
  // Characters of one to four bytes.
  const text = fc.string({ unit: fc.constantFrom('a', 'é', '€', '🦦', '\n'), maxLength: 80 })

  test('gives the whole text in pieces, each between two characters', () => {
    fc.assert(
      fc.property(text, fc.integer({ min: 4, max: 20 }), (whole, maxBytes) => {
        const ring = new OutputRing(1_000)
        ring.append(encode(whole))
        let [read, from] = ['', 0]
        for (let round = 0; round < 400; round++) {
          const piece = readOutput(ring, from, maxBytes, true)
          expect(piece.text).not.toContain('\uFFFD')
          read += piece.text
          from = piece.next
          if (piece.isEnd) break
        }
        expect(read).toBe(whole)
      }),
    )
  })

  test('holds the beginning of a character back until the rest is there', () => {
    const ring = new OutputRing(100)
    const otter = encode('🦦')
    ring.append(otter.subarray(0, 3))
    expect(readOutput(ring, 0, 64, false)).toMatchObject({ text: '', next: 0, isEnd: false })
    ring.append(otter.subarray(3))
    expect(readOutput(ring, 0, 64, false)).toMatchObject({ text: '🦦', next: 4 })
  })

  test('shows it broken once the process has ended', () => {
    const ring = new OutputRing(100)
    ring.append(encode('a🦦').subarray(0, 3))
    expect(readOutput(ring, 0, 64, true)).toMatchObject({ text: 'a\uFFFD', next: 3, isEnd: true })
  })

  test('leaves out the rest of a character whose beginning is not kept', () => {
    fc.assert(
      fc.property(text, fc.integer({ min: 8, max: 40 }), (whole, capacity) => {
        const ring = new OutputRing(capacity)
        ring.append(encode(whole))
        const { text: tail, total, missed } = tailOf(ring, capacity, true)
        expect(whole.endsWith(tail)).toBe(true)
        expect(total).toBe(encode(whole).length)
        expect(missed).toBe(0)
        expect(encode(tail).length).toBeGreaterThanOrEqual(Math.min(total, capacity) - 3)
      }),
    )
  })

  test('says how much it has missed', () => {
    const ring = new OutputRing(8)
    ring.append(encode('0123456789'))
    expect(readOutput(ring, 0, 64, true)).toMatchObject({ text: '23456789', missed: 2, from: 2 })
    expect(readOutput(ring, 5, 64, true)).toMatchObject({ text: '56789', missed: 0 })
    expect(readOutput(ring, 50, 64, true)).toMatchObject({ text: '', missed: 0, next: 10 })
  })

  test('makes progress through bytes that are no text', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.integer({ min: 4, max: 20 }), (bytes, maxBytes) => {
        const ring = new OutputRing(1_000)
        ring.append(bytes)
        let from = 0
        while (from < bytes.length) {
          const { next, text: piece } = readOutput(ring, from, maxBytes, true)
          expect(next).toBeGreaterThan(from)
          expect(piece.isWellFormed()).toBe(true)
          from = next
        }
      }),
    )
  })
})
