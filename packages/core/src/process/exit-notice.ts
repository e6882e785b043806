/** The message that tells a session of the end of its process. */
import { lastCharacters } from '../base/well-formed.ts'
import { hasEnded, type ProcessRecord } from './process-record.ts'

/** Characters of output in a message. */
const shownCharacters = 4_000

/** Returns the key under which the end of a process is told: the same for every try, so that it is told once. */
export function noticeKey({ id, startedAt }: ProcessRecord): string {
  return `process:${id}:${startedAt}:exit`
}

/** Returns the text, the same for every try: it is made of the record alone. */
export function noticeText(record: ProcessRecord): string {
  const { id, command, tail, outputBytes } = record
  const shown = lastCharacters(tail, shownCharacters)
  const output = shown.trim() === '' ? 'It has printed nothing.' : `The end of its output (${outputBytes} bytes in all):\n${shown}`
  return `The background process ${id} ${describeEnd(record)}.\nCommand: ${command}\n${output}`
}

/** Returns how a process ended, such as `has ended with code 1 after 2.5 s`. */
export function describeEnd(record: Pick<ProcessRecord, 'status' | 'exit' | 'startedAt' | 'endedAt' | 'isTimedOut'>): string {
  if (!hasEnded(record)) return 'is running'
  const after = `after ${secondsOf((record.endedAt ?? record.startedAt) - record.startedAt)} s`
  const left = (record.exit?.survivors ?? 0) > 0 ? `; ${record.exit?.survivors} of its processes could not be ended` : ''
  if (record.status === 'lost') return `was lost ${after}: BeamClaw ended while it ran, and nothing of it runs any more`
  if (record.status === 'stopped') return `was ended ${after}, because BeamClaw stopped${left}`
  if (record.isTimedOut === true) return `was ended by its timeout ${after}${left}`
  return `${record.status === 'killed' ? 'was killed' : 'has ended'}${codeOf(record)} ${after}${left}`
}

function codeOf({ exit }: Pick<ProcessRecord, 'exit'>): string {
  if (exit === undefined) return ''
  if (exit.signal !== null) return ` by ${exit.signal}`
  return exit.code === null ? '' : ` with code ${exit.code}`
}

function secondsOf(ms: number): string {
  const seconds = Math.max(0, ms) / 1_000
  return seconds < 100 ? seconds.toFixed(1) : seconds.toFixed(0)
}
