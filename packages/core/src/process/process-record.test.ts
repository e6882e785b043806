import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { parseAgentId, parseNodeId, parseRunId, parseSessionKey } from '../base/ids.ts'
import { describeEnd, noticeKey, noticeText } from './exit-notice.ts'
import { nextForgetMs, toForget } from './finished-processes.ts'
import { nextKillStep } from './kill-plan.ts'
import { applyChange, fromDocument, hasEnded, type ProcessChange, type ProcessRecord, toDocument } from './process-record.ts'
import { newSlug } from './slug.ts'
import { adjectives, animals } from './slug-words.ts'
import { encodeKeys } from './terminal-keys.ts'

const begun: ProcessRecord = {
  id: 'brave-otter',
  node: parseNodeId('solo'),
  owner: { sessionKey: parseSessionKey('agent:main:a'), agentId: parseAgentId('main'), runId: parseRunId('r1'), callKey: 'r1:1:0' },
  command: 'npm test',
  sandbox: 'scripted',
  cwd: '/work',
  status: 'starting',
  isBackground: false,
  isDetached: false,
  notify: true,
  startedAt: 1_000,
  notice: 'none',
  outputBytes: 0,
  tail: '',
}

const exit = fc.constantFrom({ code: 0, signal: undefined, survivors: 0 }, { code: undefined, signal: 'SIGTERM', survivors: 1 })
const change: fc.Arbitrary<ProcessChange> = fc.oneof(
  fc.constant<ProcessChange>({ type: 'spawned', identity: { pid: 7 } }),
  fc.record({ type: fc.constant('output' as const), outputBytes: fc.nat(), tail: fc.string() }),
  fc.constant<ProcessChange>({ type: 'background' }),
  fc.record({ type: fc.constant('ended' as const), exit, by: fc.constantFrom('itself', 'kill', 'timeout', 'stop'), at: fc.nat() }),
  fc.record({ type: fc.constant('lost' as const), at: fc.nat() }),
  fc.constant<ProcessChange>({ type: 'told' }),
)

describe('the record of a process', () => {
  test('ends once; its notice is due at most once, and only for an owner that does not know', () => {
    fc.assert(
      fc.property(fc.array(change, { maxLength: 30 }), fc.boolean(), (changes, notify) => {
        let record: ProcessRecord = { ...begun, notify }
        let dues = 0
        for (const one of changes) {
          const next = applyChange(record, one)
          if (hasEnded(record)) {
            expect([next.status, next.exit, next.endedAt, next.isBackground]).toEqual([
              record.status,
              record.exit,
              record.endedAt,
              record.isBackground,
            ])
          }
          if (next.notice === 'due' && record.notice !== 'due') dues++
          if (next.notice === 'due') expect(next.isBackground && notify && hasEnded(next)).toBe(true)
          if (one.type === 'ended' && one.by === 'kill' && !hasEnded(record)) expect(next.notice).toBe('none')
          expect((next.endedAt === undefined) === !hasEnded(next)).toBe(true)
          record = next
        }
        expect(dues).toBeLessThanOrEqual(1)
        expect(fromDocument(JSON.parse(JSON.stringify(toDocument(record))), record.id)).toEqual(record)
      }),
    )
  })

  test('is not read from a document of another shape, version or name', () => {
    const document = toDocument(begun)
    expect(fromDocument(document, 'other-name')).toBeUndefined()
    expect(fromDocument({ ...document, version: 2 }, begun.id)).toBeUndefined()
    expect(fromDocument({ ...document, status: 'new' }, begun.id)).toBeUndefined()
    expect(fromDocument({ ...document, endedAt: 5 }, begun.id)).toBeUndefined()
    for (const value of [null, 'text', [], {}]) expect(fromDocument(value, begun.id)).toBeUndefined()
  })
})

describe('the text for the owner', () => {
  const ended = applyChange(
    { ...begun, isBackground: true, tail: 'ok\n', outputBytes: 3 },
    { type: 'ended', exit: { code: 1, signal: undefined, survivors: 0 }, by: 'itself', at: 3_500 },
  )
  test('has the code, the duration and the end of the output', () => {
    expect(noticeKey(ended)).toBe('process:brave-otter:1000:exit')
    expect(noticeText(ended)).toBe(
      'The background process brave-otter has ended with code 1 after 2.5 s.\nCommand: npm test\nThe end of its output (3 bytes in all):\nok\n',
    )
  })
  test.each([
    [
      { type: 'ended', exit: { code: undefined, signal: 'SIGKILL', survivors: 2 }, by: 'kill', at: 2_000 },
      'was killed by SIGKILL after 1.0 s; 2 of',
    ],
    [
      { type: 'ended', exit: { code: undefined, signal: 'SIGTERM', survivors: 0 }, by: 'timeout', at: 2_000 },
      'ended by its timeout after 1.0 s',
    ],
    [{ type: 'ended', exit: { code: undefined, signal: 'SIGTERM', survivors: 0 }, by: 'stop', at: 2_000 }, 'because BeamClaw stopped'],
    [{ type: 'lost', at: 2_000 }, 'was lost after 1.0 s'],
  ] satisfies [ProcessChange, string][])('names the cause: %#', (one, text) => {
    expect(describeEnd(applyChange(begun, one))).toContain(text)
  })
})

describe('the plan of a kill', () => {
  test('asks, forces after the time, and gives up after the same time again', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 10_000 }), fc.option(fc.nat(30_000), { nil: undefined }), (killAfterMs, goneAt) => {
        let [now, since, phase] = [0, 0, 'term' as 'term' | 'kill']
        for (let round = 0; ; round++) {
          expect(round).toBeLessThan(1_000)
          const isGone = goneAt !== undefined && now >= goneAt
          const step = nextKillStep({ phase, elapsedMs: now - since, isGone }, killAfterMs)
          if (step.type === 'done') {
            expect(step.hasSurvivors).toBe(!isGone)
            expect(now).toBeLessThanOrEqual(killAfterMs * 2)
            return
          }
          if (step.type === 'force') {
            expect([phase, now]).toEqual(['term', killAfterMs])
            phase = 'kill'
            since = now
          } else {
            expect(step.ms).toBeGreaterThan(0)
            now += step.ms
          }
        }
      }),
    )
  })
})

describe('slugs', () => {
  test('are pairs of 64 and 64 different words', () => {
    for (const words of [adjectives, animals]) {
      expect(new Set(words).size).toBe(64)
      for (const word of words) expect(word).toMatch(/^[a-z]{3,8}$/)
    }
  })
  test('are never taken, whatever the randomness', () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), { minLength: 1 }), (numbers) => {
        const taken = new Set<string>()
        let at = 0
        for (let count = 0; count < 30; count++) {
          const slug = newSlug({ next: () => numbers[at++ % numbers.length] ?? 0 }, (one) => taken.has(one))
          expect(slug).toMatch(/^[a-z]+-[a-z]+(?:-\d+)?$/)
          expect(taken.has(slug)).toBe(false)
          taken.add(slug)
        }
      }),
    )
  })
})

describe('ended processes', () => {
  test('are forgotten by age, then the oldest beyond their number', () => {
    const one = (id: string, sessionKey: string, endedAt: number) => ({ id, sessionKey, endedAt })
    const finished = [one('a', 's', 10), one('b', 's', 20), one('c', 's', 30), one('d', 't', 5), one('e', 't', 40)]
    const rules = { keepFinishedMs: 100, maxPerSession: 2, maxPerTenant: 3 }
    expect([...toForget(finished, rules, 50)].sort()).toEqual(['a', 'd'])
    expect([...toForget(finished, rules, 115)].sort()).toEqual(['a', 'd'])
    expect(toForget(finished, rules, 1_000)).toHaveLength(5)
    expect(nextForgetMs(finished, 100, 50)).toBe(55)
    expect(nextForgetMs([], 100, 50)).toBeUndefined()
  })
})

describe('keys of a terminal', () => {
  test.each([
    [['l', 's', 'Enter'], 'ls\r'],
    [['C-c', 'C-D', 'C-[', 'C-Space'], '\x03\x04\x1b\x00'],
    [['Up', 'S-Tab', 'F1', 'F5', 'F12'], '\x1b[A\x1b[Z\x1bOP\x1b[15~\x1b[24~'],
    [['M-x', 'M-Up', '🦦'], '\x1bx\x1b\x1b[A🦦'],
  ])('%j', (names, sent) => expect(encodeKeys(names)).toBe(sent))
  test.each(['', 'enter!', 'C-', 'C-é', 'C-cc', 'M-', '\n', 'constructor'])('refuses %j', (name) => {
    expect(() => encodeKeys([name])).toThrow(expect.objectContaining({ code: 'invalid-option' }))
  })
})
