import { describe, expect, test } from 'vitest'
import type { RunId } from '../../base/ids.ts'
import type { JournalEntry } from '../journal/records.ts'
import { applyEntry } from './apply-record.ts'
import { SessionState } from './session-state.ts'

/** A seeded choice of what may come next: a message, the start of a run, an end, a cancellation. */
function* entries(seed: number, count: number): Generator<JournalEntry> {
  let random = seed
  const chance = (): number => {
    random = (Math.imul(random, 1_664_525) + 1_013_904_223) >>> 0
    return random / 2 ** 32
  }
  const waiting: RunId[] = []
  const cancelled: RunId[] = []
  let current: RunId | undefined
  for (let index = 0; index < count; index++) {
    const dice = chance()
    if (current !== undefined && dice < 0.4) {
      yield { type: 'run-end', runId: current, outcome: 'completed' }
      current = undefined
    } else if (current === undefined && waiting.length > 0 && dice < 0.5) {
      current = waiting.splice(Math.floor(chance() * waiting.length), 1)[0] as RunId
      yield { type: 'run-start', runId: current }
    } else if (cancelled.length > 0 && dice < 0.6) {
      yield { type: 'run-end', runId: cancelled.shift() as RunId, outcome: 'aborted' }
    } else if (waiting.length > 1 && dice < 0.7) {
      const runId = waiting.pop() as RunId
      cancelled.push(runId)
      yield { type: 'run-cancel', runId, reason: 'abort' }
    } else {
      const runId = `run_${seed}_${index}` as RunId
      waiting.push(runId)
      yield { type: 'message-in', runId, message: { role: 'user', content: 'hello' }, queueMode: 'queue' }
    }
  }
}

describe('what a session remembers of its runs', () => {
  const memory = { rememberedRuns: 5, rememberRunsForMs: 40 }

  test('is the last that ended, however many there were, and all that have not', () => {
    for (let seed = 1; seed <= 50; seed++) {
      const state = new SessionState(memory)
      const ended: RunId[] = []
      const open = new Set<RunId>()
      let seq = 0
      for (const entry of entries(seed, 300)) {
        applyEntry(state, entry, ++seq, 0)
        if (entry.type === 'message-in') open.add(entry.runId)
        if (entry.type !== 'run-end') continue
        open.delete(entry.runId)
        ended.push(entry.runId)
        expect(new Set(state.runs.keys())).toEqual(new Set([...open, ...ended.slice(-5)]))
      }
      expect(ended.length).toBeGreaterThan(20)
    }
  })

  test('is the same after a snapshot at any record', () => {
    for (let seed = 1; seed <= 50; seed++) {
      const whole = new SessionState(memory)
      let restored = new SessionState(memory)
      let seq = 0
      for (const entry of entries(seed, 200)) {
        const at = (seq / 3) | 0
        applyEntry(whole, entry, ++seq, at)
        applyEntry(restored, entry, seq, at)
        // A snapshot is taken while no run is under way.
        if (restored.current === undefined && restored.cancelled.length === 0 && seq % 7 === 0)
          restored = SessionState.fromSnapshot(JSON.parse(JSON.stringify(restored.toSnapshot())), seq, memory)
        expect([...restored.runs.keys()]).toEqual([...whole.runs.keys()])
      }
    }
  })

  const messageIn = (runId: string): JournalEntry => ({
    type: 'message-in',
    runId: runId as RunId,
    message: { role: 'user', content: 'hello' },
    queueMode: 'queue',
  })
  const whole = (runId: string): JournalEntry[] => [
    messageIn(runId),
    { type: 'run-start', runId: runId as RunId },
    { type: 'run-end', runId: runId as RunId, outcome: 'completed' },
  ]

  test('holds a run whose key came again after it was forgotten, also where the journal is read with a longer memory', () => {
    const state = new SessionState({ rememberedRuns: 2, rememberRunsForMs: 1_000 })
    const journal = [...whole('a'), ...whole('b'), messageIn('a'), ...whole('c'), ...whole('d')]
    for (const [index, entry] of journal.entries()) applyEntry(state, entry, index + 1, 0)
    expect([...state.runs].map(([runId, { status }]) => `${runId} ${status}`)).toEqual(['a waiting', 'c completed', 'd completed'])
  })

  test('counts from the message where an earlier version did not write down when a run ended', () => {
    const memory = { rememberedRuns: 100, rememberRunsForMs: 100 }
    const before = new SessionState(memory)
    for (const [index, entry] of whole('a').entries()) applyEntry(before, entry, index + 1, 1_000)
    const snapshot = JSON.parse(JSON.stringify(before.toSnapshot()))
    delete snapshot.runs[0][1].ended.at
    const state = SessionState.fromSnapshot(snapshot, 3, memory)
    for (const [index, entry] of whole('b').entries()) applyEntry(state, entry, 4 + index, 1_099)
    expect([...state.runs.keys()]).toEqual(['a', 'b'])
    for (const [index, entry] of whole('c').entries()) applyEntry(state, entry, 7 + index, 1_100)
    expect([...state.runs.keys()]).toEqual(['b', 'c'])
  })

  test('ends with its age, to the millisecond, also after the clock was set back', () => {
    const memory = { rememberedRuns: 100, rememberRunsForMs: 100 }
    const state = new SessionState(memory)
    let seq = 0
    const at = (time: number, runId: string): string[] => {
      for (const entry of whole(runId)) applyEntry(state, entry, ++seq, time)
      return [...state.runs.keys()]
    }
    at(0, 'a')
    expect(at(99, 'b')).toEqual(['a', 'b'])
    expect(at(100, 'c')).toEqual(['b', 'c'])
    at(10_000, 'future')
    for (let time = 150; time < 1_000; time += 50) at(time, `run-${time}`)
    expect([...state.runs.keys()]).toEqual(['future', 'run-900', 'run-950'])
  })
})

test('a snapshot of an earlier version is refused', () => {
  const snapshot = { version: 1, history: [], origins: [], waiting: [], runs: [], deadLetters: [] }
  expect(() => SessionState.fromSnapshot(snapshot, 7)).toThrow('A snapshot of version 1 cannot be read by this version')
})
