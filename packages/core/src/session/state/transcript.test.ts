import { describe, expect, test } from 'vitest'
import type { RunId } from '../../base/ids.ts'
import { type Message, zeroUsage } from '../../base/messages.ts'
import type { LogEntry } from '../../ports/store.ts'
import { RandomJournal } from '../../testing/random-journal.ts'
import { TranscriptFold } from '../journal/read-transcript.ts'
import { applyRecord } from './apply-record.ts'
import { Context } from './context.ts'
import { wholeUntil } from './history-cut.ts'
import { SessionState } from './session-state.ts'

/** A conversation, its journal, and the state that follows both over snapshots and restarts. */
class Life {
  readonly journal: RandomJournal
  state = new SessionState()
  #snapshot: { readonly seq: number; readonly state: unknown } | undefined

  constructor(seed: number) {
    this.journal = new RandomJournal(seed)
  }

  /** Brings the state up to the journal. */
  follow(): void {
    for (const record of this.journal.records.slice(this.state.seq)) applyRecord(this.state, record)
  }

  snapshot(): void {
    this.follow()
    this.#snapshot = { seq: this.state.seq, state: JSON.parse(JSON.stringify(this.state.toSnapshot())) }
  }

  restart(): void {
    const { seq, state } = this.#snapshot ?? { seq: 0, state: undefined }
    this.state = state === undefined ? new SessionState() : SessionState.fromSnapshot(state, seq)
    this.follow()
  }

  /** Summarises the oldest messages of the context. */
  summarise(): void {
    this.follow()
    const messages = this.state.shown.messages()
    let dropped = this.journal.dice(messages.length)
    while (messages[dropped]?.role === 'tool') dropped++
    if (dropped < 2) return
    const { context } = this.state.conversation
    const from = context.from + dropped - (context.summary === undefined ? 0 : 1)
    const text = `summary of the first ${from}, made at ${this.journal.said.length}`
    this.journal.add({ type: 'history-compact', runId: 'sum' as RunId, summary: text, dropped, usage: zeroUsage })
    this.journal.summaries = [...this.journal.summaries.filter((one) => one.from !== from), { from, text }]
  }

  /** Takes back what was said after the oldest messages, as the command does. */
  rewind(): void {
    this.follow()
    const { said, summaries } = this.journal
    const messages = said.map(({ message }) => message)
    const dice = (below: number): number => this.journal.dice(below)
    const kept = wholeUntil(messages, dice(4) === 0 ? dice(messages.length) : Math.max(0, messages.length - dice(90)))
    const { context } = this.state.conversation
    const left = context.canKeep(kept) ? {} : { context: this.#contextOf(kept) }
    this.journal.add({ type: 'history-rewind', runId: 'rewind' as RunId, kept, ...left })
    this.journal.said = said.slice(0, kept)
    this.journal.summaries = summaries.filter(({ from }) => from <= kept)
  }

  #contextOf(kept: number) {
    const summary = this.journal.summaries.findLast(({ from }) => from <= kept)
    const from = summary?.from ?? 0
    expect(this.state.conversation.transcript.summaryWithin(kept)?.from ?? 0).toBe(from)
    const entries = this.read(from, kept).map(({ message, origin }) => ({ message, origin }))
    return Context.of(summary?.text, from, entries).toStored()
  }

  /** Returns messages as a reader of the journal gets them. */
  read(first: number, end: number, onRecord: (record: LogEntry) => void = () => {}) {
    const { records } = this.journal
    const range = this.state.conversation.transcript.range(first, end, this.state.seq)
    const fold = new TranscriptFold(range)
    const read = [...range.needs.map((seq) => records[seq - 1] as LogEntry), ...records.slice(range.fromSeq - 1, range.toSeq)]
    for (const record of read) {
      onRecord(record)
      fold.take(record)
    }
    return fold.entries()
  }

  /** Compares pages and the context with the plain list. */
  check(pages: Iterable<readonly [number, number]>): void {
    this.follow()
    const { said, summaries } = this.journal
    const { context, transcript } = this.state.conversation
    expect(transcript.total).toBe(said.length)
    expect(this.state.answeredBy).toBe(said.findLast(({ handOff }) => handOff !== undefined)?.handOff)
    for (const [first, end] of pages) {
      const page = this.read(first, end).map(({ message, origin: { runId, handOff } }) => ({ message, runId, ...(handOff && { handOff }) }))
      expect(page, `${first} to ${end} of ${said.length}`).toEqual(said.slice(first, end))
    }
    const summary = summaries.at(-1)
    expect(context).toMatchObject({ from: summary?.from ?? 0, end: said.length })
    expect(context.summary).toBe(summary?.text)
    expect(context.entries(context.wholeFrom).map(({ message }) => message)).toEqual(
      said.slice(context.wholeFrom).map(({ message }) => message),
    )
    const shown = this.state.shown.messages()
    expect(new Context(context.toStored()).shown.messages(), 'after a restart').toEqual(shown)
    // A rewind shows results whole again, as far as they are among the last.
    const since = said.slice(context.from).map(({ message }) => message)
    const results = (messages: readonly Message[]) => messages.filter(({ role }) => role === 'tool').slice(-3)
    expect(results(shown)).toEqual(results(since))
  }

  somePages(count: number): [number, number][] {
    const total = this.journal.said.length
    return Array.from({ length: count }, () => {
      const end = this.journal.dice(total + 1)
      return [Math.max(0, end - this.journal.dice(100)), end]
    })
  }
}

/** Lives through everything that may happen, and calls `look` now and then. */
function live(seed: number, steps: number, look: (life: Life) => void): Life {
  const life = new Life(seed)
  const { journal } = life
  if (seed % 3 === 0) journal.import(journal.dice(200) + 1)
  const atTurn = (): void => {
    if (journal.dice(6) === 0) life.summarise()
  }
  for (let step = 0; step < steps; step++) {
    const dice = journal.dice(20)
    if (dice < 10) journal.arrive(journal.dice(dice === 0 ? 90 : 4))
    else if (dice < 15) for (let runs = journal.dice(8); runs > 0; runs--) journal.run(atTurn)
    else {
      journal.rest(atTurn)
      if (dice === 15) life.rewind()
      else if (dice === 16) life.snapshot()
      else if (dice === 17) life.restart()
      else look(life)
    }
  }
  journal.rest(atTurn)
  look(life)
  return life
}

describe('a transcript', () => {
  test.each(Array.from({ length: 30 }, (_, index) => index + 1))('is read as it was said, whatever has happened to it: seed %i', (seed) => {
    live(seed, 60, (life) => life.check(life.somePages(10)))
  })

  test('is read by pages of any size from any place on', () => {
    const life = live(23, 60, () => {})
    const total = life.journal.said.length
    expect(total).toBeGreaterThan(200)
    const pages = Array.from({ length: total + 1 }, (_, end) => [1, 30, 100].map((limit) => [Math.max(0, end - limit), end] as const))
    life.check(pages.flat())
  })

  test('costs a page the records of the page, and of a block at each end', () => {
    const life = new Life(7)
    for (let run = 0; run < 300; run++) {
      life.journal.arrive(1)
      life.journal.rest(() => {})
    }
    life.follow()
    const { total } = life.state
    const perMessage = life.journal.records.length / total
    for (let end = 100; end <= total; end += 37) {
      let records = 0
      life.read(end - 20, end, () => records++)
      expect(records).toBeLessThan((20 + 2 * 64) * perMessage * 2)
    }
  })

  test('needs for a page the messages that waited when it began, and no other old records', () => {
    const life = new Life(9)
    life.journal.arrive(400)
    life.journal.rest(() => {})
    const seen = new Set<number>()
    life.follow()
    const { marks } = life.state.conversation.transcript
    expect(marks.length).toBeGreaterThan(5)
    for (const { needs } of marks) {
      expect(needs.length).toBeLessThanOrEqual(64)
      for (const seq of needs) seen.add(seq)
    }
    expect(seen.size).toBeGreaterThan(100)
    life.check(life.somePages(50))
  })
})
