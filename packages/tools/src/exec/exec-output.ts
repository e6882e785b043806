/** What the model reads of a command: how it ended, and its output, of a long one the beginning and the end. */
import { stripVTControlCharacters } from 'node:util'
import type { BackgroundProcess, ProcessList } from '@beamclaw/core'
import { firstCharacters } from '@beamclaw/core/adapter'

/** Characters of output in one result. */
export const shownCharacters = 30_000

/** Bytes that are enough for half of that. */
const halfBytes = shownCharacters * 2

/** The output of a process, as one result has it. */
export interface ShownOutput {
  readonly text: string
  /** Number of the first byte that comes after it: where a read goes on. */
  readonly next: number
}

/** Returns the output of a process, at most `shownCharacters` and a note of what is left out. */
export function shownOutput(processes: ProcessList, { id, outputBytes }: BackgroundProcess): ShownOutput {
  if (outputBytes === 0) return { text: '(no output)', next: 0 }
  const head = processes.read(id, { from: 0, maxBytes: halfBytes })
  if (head.missed === 0 && head.next === head.total) {
    const text = plain(head.text)
    if (text.length <= shownCharacters) return { text: text === '' ? '(no output)' : text, next: head.next }
  }
  const half = shownCharacters / 2
  const tail = processes.tail(id, halfBytes)
  const isOne = tail.from < head.next
  const whole = isOne ? plain(wholeText(processes, id)) : undefined
  if (whole !== undefined && whole.length <= shownCharacters) return { text: whole, next: tail.next }
  const start = firstCharacters(whole ?? plain(head.text), half)
  const end = lastCharacters(whole ?? plain(tail.text), half)
  const lost = head.missed > 0 ? ` The first ${head.missed} bytes are not kept any more.` : ''
  const note = `… of ${head.total} bytes the middle is left out;${lost} Read them with the process tool: action "read", id "${id}", "from" a byte number. …`
  return { text: `${start}\n${note}\n${end}`, next: tail.next }
}

function wholeText(processes: ProcessList, id: string): string {
  return processes.read(id, { from: 0, maxBytes: halfBytes * 2 }).text
}

/** Returns text without the codes that move the cursor and colour of a terminal. */
export function plain(text: string): string {
  return stripVTControlCharacters(text).replaceAll('\r\n', '\n').toWellFormed()
}

function lastCharacters(text: string, maximum: number): string {
  const cut = text.slice(-maximum)
  return /^[\udc00-\udfff]/.test(cut) ? cut.slice(1) : cut
}

/** Returns how a process stands, such as `Exit code 1 after 2.5 s.` */
export function stateText(shown: BackgroundProcess): string {
  const { status, exit, isTimedOut, startedAt, endedAt } = shown
  const seconds = `${(Math.max(0, (endedAt ?? startedAt) - startedAt) / 1_000).toFixed(1)} s`
  const left = (exit?.survivors ?? 0) > 0 ? ` ${exit?.survivors} of its processes could not be ended.` : ''
  if (status === 'starting' || status === 'running') return `Running since ${new Date(startedAt).toISOString()}.`
  if (status === 'lost') return 'Lost: BeamClaw ended while it ran, and nothing of it runs any more.'
  if (status === 'stopped') return `Ended after ${seconds}, because BeamClaw stops.${left}`
  if (isTimedOut) return `Killed after ${seconds}: it took longer than its timeout.${left}`
  const how = exit?.signal === undefined ? `Exit code ${exit?.code ?? 'unknown'}` : `Ended by ${exit.signal}`
  return `${status === 'killed' ? `Killed. ${how}` : how} after ${seconds}.${left}`
}
