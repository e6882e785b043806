import { expect, test } from 'vitest'
import type { JsonValue } from '../base/messages.ts'
import { readActivity } from './read-activity.ts'

const activity = {
  phase: 'running',
  sessions: 2,
  busySessions: 1,
  activeRuns: 1,
  waitingMessages: 0,
  orphanedSessions: 0,
  report: { load: 0.5 },
}

test('reads what a node says of itself, also one of an earlier version, and leaves out what it does not know', () => {
  expect(readActivity(activity)).toEqual(activity)
  expect(readActivity({ ...activity, settings: { version: 3, problem: 'no', colour: 1 }, colour: 1 })).toEqual({
    ...activity,
    settings: { version: 3, problem: 'no' },
  })
  const { phase, sessions, busySessions } = activity
  expect(readActivity({ phase, sessions, busySessions })).toEqual({ phase, sessions, busySessions, report: {} })
})

test.each<[string, JsonValue]>([
  ['null', null],
  ['a list', []],
  ['a text', 'running'],
  ['another phase', { ...activity, phase: 'asleep' }],
  ['no count', { ...activity, sessions: '2' }],
  ['a negative count', { ...activity, busySessions: -1 }],
])('is not read from %s', (_, value) => {
  expect(readActivity(value)).toBeUndefined()
})

test('odd counts, settings and reports are left out', () => {
  const { phase, sessions, busySessions } = activity
  expect(readActivity({ ...activity, activeRuns: 1e99, waitingMessages: null, orphanedSessions: 0.5, settings: [], report: 'x' })).toEqual({
    phase,
    sessions,
    busySessions,
    report: {},
  })
})
