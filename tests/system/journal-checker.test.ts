/** A checker that finds nothing proves nothing: this one finds what it should. */
import { describe, expect, test } from 'vitest'
import type { JournalRecord } from './lab/journal-files.ts'
import { problemsIn } from './lab/journals.ts'

const receipt = { runId: 'one', status: 'accepted', seq: 1 } as never
const effect = { tool: 'charge', toolCallId: 'call', runId: 'one' }

function journal(...types: readonly string[]): JournalRecord[] {
  return types.map((type, index) => ({
    seq: index + 1,
    generation: 1,
    type,
    data: { runId: 'one', ...(type === 'tool-intent' ? { toolCallId: 'call' } : {}) },
  }))
}

const sound = journal('message-in', 'run-start', 'model-request', 'model-response', 'tool-intent', 'tool-outcome', 'run-end')

describe('the checker of journals', () => {
  test('has nothing to say of a sound one', () => {
    expect(problemsIn(sound, [receipt], [effect])).toEqual([])
  })

  test('does not miss what a snapshot has replaced', () => {
    const later = sound.map((record) => ({ ...record, seq: record.seq + 70 }))
    const dropped = { ...effect, runId: 'dropped', toolCallId: 'dropped' }
    expect(problemsIn(later, [receipt, { runId: 'one', status: 'accepted', seq: 71 } as never], [effect, dropped])).toEqual([])
    expect(problemsIn(later, [{ runId: 'two', status: 'accepted', seq: 72 } as never], [])).toHaveLength(1)
  })

  test.each<[string, JournalRecord[], readonly never[], readonly (typeof effect)[]]>([
    ['I2', sound.filter(({ seq }) => seq !== 3), [], []],
    ['I2', sound.map((record) => ({ ...record, generation: record.seq === 1 ? 2 : 1 })), [], []],
    ['I1', journal('message-in', 'message-in', 'run-start', 'run-end'), [], []],
    ['I1', journal('message-in'), [], []],
    ['I1', journal('message-in', 'run-start', 'run-end', 'run-start', 'run-end'), [], []],
    ['I4', journal('message-in', 'run-start'), [], []],
    ['I4', journal('message-in', 'run-start', 'run-end', 'run-end'), [], []],
    ['I3', sound, [], [effect, effect]],
    ['I3', journal('message-in', 'run-start', 'run-end'), [], [effect]],
    ['G6', sound, [{ runId: 'two', status: 'accepted', seq: 2 } as never], []],
  ])('finds what breaks %s', (promise, records, receipts, effects) => {
    expect(problemsIn(records, receipts, effects).join('\n')).toContain(promise)
  })
})
