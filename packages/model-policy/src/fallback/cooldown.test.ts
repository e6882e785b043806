import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Cooldowns } from './cooldown.ts'

const second = 1_000

function failAt(cooldowns: Cooldowns, now: number, retryAfterMs?: number): void {
  cooldowns.failed(cooldowns.begin('a', now), now, retryAfterMs)
}

describe('a cooldown', () => {
  test('lasts 30 s, then 60 s, then 5 min for good', () => {
    const cooldowns = new Cooldowns()
    const waits: number[] = []
    let now = 0
    for (let failure = 1; failure <= 5; failure++) {
      failAt(cooldowns, now)
      waits.push(cooldowns.waitMs('a', now))
      now += cooldowns.waitMs('a', now)
    }
    expect(waits).toEqual([30, 60, 300, 300, 300].map((seconds) => seconds * second))
  })

  test('lasts as long as the service asks, up to 10 min', () => {
    const cooldowns = new Cooldowns()
    failAt(cooldowns, 0, 2 * second)
    expect(cooldowns.waitMs('a', 0)).toBe(2 * second)
    failAt(cooldowns, 2 * second, 86_400 * second)
    expect(cooldowns.waitMs('a', 2 * second)).toBe(600 * second)
  })

  test('is one step for calls that failed together', () => {
    const cooldowns = new Cooldowns()
    const together = [1, 2, 3, 4].map(() => cooldowns.begin('a', 0))
    for (const ticket of together) cooldowns.failed(ticket, second)
    expect(cooldowns.waitMs('a', second)).toBe(30 * second)
  })

  test('concerns one key', () => {
    const cooldowns = new Cooldowns()
    failAt(cooldowns, 0)
    expect(cooldowns.waitMs('b', 0)).toBe(0)
  })

  test('ends with one probe, for which others do not wait', () => {
    const cooldowns = new Cooldowns()
    failAt(cooldowns, 0)
    const probe = cooldowns.begin('a', 30 * second)
    expect(cooldowns.waitMs('a', 30 * second)).toBeLessThan(0)
    cooldowns.answers(probe, 31 * second)
    expect(cooldowns.waitMs('a', 31 * second)).toBe(0)
    cooldowns.succeeded(probe)
    expect(cooldowns.size).toBe(0)
  })

  test('keeps its place on the ladder until a whole answer came', () => {
    const cooldowns = new Cooldowns()
    failAt(cooldowns, 0)
    const probe = cooldowns.begin('a', 30 * second)
    cooldowns.answers(probe, 31 * second)
    cooldowns.failed(probe, 40 * second)
    expect(cooldowns.waitMs('a', 40 * second)).toBe(60 * second)
  })

  test('gives the probe to another when its consumer leaves', () => {
    const cooldowns = new Cooldowns()
    failAt(cooldowns, 0)
    cooldowns.released(cooldowns.begin('a', 30 * second))
    expect(cooldowns.waitMs('a', 30 * second)).toBe(0)
  })

  test('is not ended by a call that began before it', () => {
    const cooldowns = new Cooldowns()
    const early = cooldowns.begin('a', 0)
    failAt(cooldowns, second)
    cooldowns.answers(early, 2 * second)
    cooldowns.succeeded(early)
    expect(cooldowns.waitMs('a', 2 * second)).toBe(29 * second)
  })

  test('is forgotten when it is long over, however many keys there were', () => {
    const cooldowns = new Cooldowns()
    for (let key = 0; key < 1_000; key++) cooldowns.failed(cooldowns.begin(`model-${key}`, 0), 0)
    const later = 3_600 * second
    failAt(cooldowns, later)
    expect(cooldowns.size).toBe(1)
    expect(cooldowns.waitMs('a', later)).toBe(30 * second)
  })

  test('never lasts longer than its longest, whatever happens in whatever order', () => {
    const event = fc.record({
      wait: fc.integer({ min: 0, max: 400 * second }),
      what: fc.constantFrom('begin', 'answers', 'succeeded', 'failed', 'released'),
      which: fc.nat(),
      retryAfterMs: fc.option(fc.integer({ min: -5, max: 10 ** 9 }), { nil: undefined }),
    })
    fc.assert(
      fc.property(fc.array(event, { maxLength: 60 }), (events) => {
        const cooldowns = new Cooldowns()
        const open: ReturnType<Cooldowns['begin']>[] = []
        let now = 0
        for (const { wait, what, which, retryAfterMs } of events) {
          now += wait
          if (what === 'begin') open.push(cooldowns.begin('a', now))
          else {
            const [ticket] = open.splice(which % Math.max(open.length, 1), what === 'answers' ? 0 : 1)
            if (ticket !== undefined && what === 'succeeded') cooldowns.succeeded(ticket)
            if (ticket !== undefined && what === 'released') cooldowns.released(ticket)
            if (ticket !== undefined && what === 'failed') cooldowns.failed(ticket, now, retryAfterMs)
            const answering = open[which % Math.max(open.length, 1)]
            if (what === 'answers' && answering !== undefined) cooldowns.answers(answering, now)
          }
          expect(cooldowns.waitMs('a', now)).toBeLessThanOrEqual(600 * second)
        }
        // Once nothing is under way and time has passed, the target may be asked again.
        for (const ticket of open) cooldowns.released(ticket)
        expect(cooldowns.waitMs('a', now + 600 * second)).toBe(0)
      }),
    )
  })
})
