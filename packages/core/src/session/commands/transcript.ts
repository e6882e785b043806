/** The transcript as a command reads it: the newest messages from memory, the others from the log. */

import type { SessionKey } from '../../base/ids.ts'
import { readSummary, readTranscript, type TranscriptSource } from '../journal/read-transcript.ts'
import type { LoadedSession } from '../loaded-session.ts'
import type { SessionDependencies } from '../session-dependencies.ts'
import { journalKey } from '../session-names.ts'
import type { TranscriptEntry } from '../state/context.ts'
import type { SummaryPlace } from '../state/transcript-index.ts'

type Reader = Pick<LoadedSession, 'state' | 'journal'> & { readonly key: SessionKey; readonly dependencies: SessionDependencies }

/**
 * Resolves with the messages `first` to `end - 1` of the transcript as it is now, once all of it is durable. Rejects as `readTranscript` does.
 */
export async function entriesOf(reader: Reader, first: number, end: number): Promise<readonly TranscriptEntry[]> {
  const { state, journal } = reader
  const { context, transcript } = state.conversation
  const last = Math.min(end, transcript.total)
  const split = Math.max(first, Math.min(last, context.wholeFrom))
  // Both are taken before the wait: the conversation may go on, or be rewound, meanwhile.
  const inMemory = context.entries(split, last)
  const range = split > first ? transcript.range(first, split, state.seq) : undefined
  await journal.flush()
  return range === undefined ? inMemory : [...(await readTranscript(sourceOf(reader), range)), ...inMemory]
}

/** Resolves with the text of a summary. */
export async function summaryOf(reader: Reader, { from, seq }: SummaryPlace): Promise<string> {
  const { context } = reader.state.conversation
  return context.summary !== undefined && context.from === from ? context.summary : readSummary(sourceOf(reader), seq)
}

function sourceOf({ key, dependencies: { store, tenant, turns } }: Reader): TranscriptSource {
  return { store, key: journalKey(tenant, key), turns }
}
