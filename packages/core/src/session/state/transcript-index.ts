/**
 * Finds the messages of a transcript in the log: how many there are, and where every 64th one is.
 *
 * I1: There is a mark for message 0, 64, 128 and so on, as far as the transcript goes. A mark that is there was never cut off: the messages from it to the
 * next mark come from the records between the two, and from the records that the mark needs besides.
 * I2: Summaries and hand-offs are in the order of their places; a rewind removes those of removed messages.
 */
import type { AgentId } from '../../base/ids.ts'
import type { Message } from '../../base/messages.ts'

/** Messages from one mark to the next. */
export const blockSize = 64

/** Where the log has a message whose number is a multiple of 64. */
interface Mark {
  /** Number of the first record to read. */
  readonly seq: number
  /** Messages from this record on that come before the marked one. */
  readonly skip: number
  /** Numbers of earlier records that the block needs: messages that waited when it began. */
  readonly needs: readonly number[]
}

/** A summary of the messages before number `from`, in the record `seq`. */
export interface SummaryPlace {
  readonly from: number
  readonly seq: number
}

/** The message number `index` handed the conversation over. */
export interface HandOffPlace {
  readonly index: number
  readonly agentId: AgentId
}

/** The records to read for the messages `first` to `end - 1`. */
export interface TranscriptRange {
  readonly first: number
  readonly end: number
  /** Number of the first message that the records tell. */
  readonly base: number
  readonly fromSeq: number
  readonly toSeq: number
  /** Numbers of earlier records to read one by one. */
  readonly needs: readonly number[]
}

/** An index as snapshots hold it. */
export interface StoredIndex {
  readonly total: number
  /** `[seq, skip, ...needs]` of each mark. */
  readonly marks: readonly (readonly number[])[]
  readonly summaries: readonly SummaryPlace[]
  readonly handOffs: readonly HandOffPlace[]
}

export class TranscriptIndex {
  /** Number of messages. */
  total: number
  readonly marks: (Mark & { readonly needs: number[] })[]
  readonly summaries: SummaryPlace[]
  readonly handOffs: HandOffPlace[]
  // The record of the last message, the messages that it has told so far, and the earlier records that they needed.
  #last = { seq: 0, told: 0, sources: [] as number[] }

  constructor({ total, marks, summaries, handOffs }: StoredIndex = { total: 0, marks: [], summaries: [], handOffs: [] }) {
    this.total = total
    this.marks = marks.map(([seq = 0, skip = 0, ...needs]) => ({ seq, skip, needs }))
    this.summaries = [...summaries]
    this.handOffs = [...handOffs]
  }

  /** Counts a message of the record `seq`; `source` is an earlier record that it needs. */
  add(role: Message['role'], seq: number, source: number | undefined, handOff: AgentId | undefined): void {
    const last = this.#last
    if (this.total % blockSize === 0) this.marks.push(this.#mark(role, seq))
    this.#last = last.seq === seq ? { ...last, told: last.told + 1 } : { seq, told: 1, sources: [] }
    if (source !== undefined) this.#last.sources.push(source)
    const mark = this.marks.at(-1)
    if (source !== undefined && mark !== undefined && source < mark.seq) mark.needs.push(source)
    if (handOff !== undefined) this.handOffs.push({ index: this.total, agentId: handOff })
    this.total++
  }

  /** Results of tools are told by several records, which follow their calls: their block begins with the record of the calls. */
  #mark(role: Message['role'], seq: number): Mark & { readonly needs: number[] } {
    const { seq: before, told, sources } = this.#last
    if (role === 'tool' && told > 0) return { seq: before, skip: told, needs: [] }
    return before === seq ? { seq, skip: told, needs: [...sources] } : { seq, skip: 0, needs: [] }
  }

  /** Forgets all but the oldest `kept` messages. */
  cut(kept: number): void {
    this.total = Math.min(kept, this.total)
    this.marks.length = Math.ceil(this.total / blockSize)
    while ((this.summaries.at(-1)?.from ?? 0) > this.total) this.summaries.pop()
    while ((this.handOffs.at(-1)?.index ?? -1) >= this.total) this.handOffs.pop()
    this.#last = { seq: 0, told: 0, sources: [] }
  }

  summarised(from: number, seq: number): void {
    if (this.summaries.at(-1)?.from === from) this.summaries.pop()
    this.summaries.push({ from, seq })
  }

  /** Returns the newest summary of messages before number `end`, and of no later ones. */
  summaryWithin(end: number): SummaryPlace | undefined {
    return this.summaries.findLast(({ from }) => from <= end)
  }

  /** Returns the records to read for messages of the transcript; `lastSeq` is the number of the last record. */
  range(first: number, end: number, lastSeq: number): TranscriptRange {
    const block = Math.floor(first / blockSize)
    const mark = this.marks[block]
    const after = Math.ceil(end / blockSize)
    const fromSeq = mark?.seq ?? 1
    const needs = this.marks.slice(block, after).flatMap((one) => one.needs)
    return {
      first,
      end,
      base: block * blockSize - (mark?.skip ?? 0),
      fromSeq,
      toSeq: this.marks[after]?.seq ?? lastSeq,
      needs: [...new Set(needs)].filter((seq) => seq < fromSeq).sort((a, b) => a - b),
    }
  }

  toStored(): StoredIndex {
    const { total, marks, summaries, handOffs } = this
    return { total, marks: marks.map(({ seq, skip, needs }) => [seq, skip, ...needs]), summaries: [...summaries], handOffs: [...handOffs] }
  }
}
