/**
 * The attachments of a loaded session: its messages hold references, and the bytes are in blobs of the store.
 *
 * I1: A blob is durable before a record refers to it.
 * I2: What a model is asked with has no references. An attachment that cannot be read is replaced by a note, and does not stop the run.
 * I3: A path without references awaits nothing: callers ask `needsKeeping` or `ShownHistory.references` first.
 */
import type { Logger } from '@beamclaw/actor'
import { type Reference, referencesIn } from '../../base/attachments.ts'
import { BeamClawError, describeError } from '../../base/errors.ts'
import type { RunId, SessionKey } from '../../base/ids.ts'
import type { Fail } from '../../base/message-check.ts'
import type { Message, ToolResult, UserMessage } from '../../base/messages.ts'
import type { BlobStore } from '../../ports/blob-store.ts'
import type { StoreKey } from '../../ports/store-key.ts'
import { shownContent } from '../../tool/tool-output.ts'
import type { EventLoopTurns } from '../run/event-loop-turns.ts'
import { type ContentKeeper, keptMessage, keptResult, keptUserContent } from './keep-content.ts'
import { readBlob } from './read-blob.ts'
import { type WholeKinds, wholeMessage } from './whole-content.ts'

export interface AttachmentsOptions {
  readonly sessionKey: SessionKey
  readonly blobs: BlobStore
  /** The key of the session's journal. */
  readonly owner: StoreKey
  readonly turns: EventLoopTurns
  readonly logger: Logger
}

/** Failures of a store that is at its end: the run ends with it. */
const lasting: ReadonlySet<string> = new Set(['store-stopped', 'store-failed', 'store-replaced', 'store-locked'])

/** Owns the calls that are writing attachments. */
export class Attachments {
  readonly #options: AttachmentsOptions
  readonly #underWay = new Set<Promise<unknown>>()
  /** The run whose unreadable attachments were logged. */
  #reported: RunId | undefined

  constructor(options: AttachmentsOptions) {
    this.#options = options
  }

  /** Resolves with the content of a message, its attachments durable. Rejects with `fail` for what is forged or no base64, and as the store does. */
  keepContent(content: UserMessage['content'], path: string, fail: Fail): Promise<UserMessage['content']> {
    return this.#note(keptUserContent(content, this.#keeper(), path, fail))
  }

  /** The same for a message from elsewhere. */
  keepMessage(message: Message, path: string, fail: Fail): Promise<Message> {
    return this.#note(keptMessage(message, this.#keeper(), path, fail))
  }

  /** Resolves with a tool's result, its attachments durable. Never rejects: what cannot be kept is replaced by a note. */
  keepResult(result: ToolResult, runId: RunId): Promise<ToolResult> {
    const { logger, sessionKey } = this.#options
    const onLost = (error: unknown): void =>
      logger.log('warn', 'session.attachment-not-stored', {
        session: sessionKey,
        run: runId,
        tool: result.name,
        error: describeError(error),
      })
    return this.#note(keptResult(result, this.#keeper(), onLost))
  }

  /** Resolves with those of `ids` that the session has once it shares them with another session. Rejects as the store does. */
  share(from: StoreKey, ids: readonly string[]): Promise<readonly string[]> {
    const { blobs, owner } = this.#options
    return this.#note(blobs.share(from, owner, ids))
  }

  /** True while an attachment is being written. */
  get isWriting(): boolean {
    return this.#underWay.size > 0
  }

  /** Resolves once no attachment is being written. */
  async settled(): Promise<void> {
    await Promise.allSettled(this.#underWay)
  }

  /** Resolves with the messages without references, as a model gets them: a long text without its middle. Rejects with the reason of the signal, and when the store is at its end. */
  async whole(
    messages: readonly Message[],
    { runId, signal, kinds = 'all' }: { readonly runId: RunId; readonly signal: AbortSignal; readonly kinds?: WholeKinds },
  ): Promise<readonly Message[]> {
    const { turns } = this.#options
    const read = (reference: Reference): Promise<Uint8Array | undefined> => unlessAborted(this.#read(reference, runId), signal)
    const whole: Message[] = []
    for (const message of messages) {
      if (referencesIn(message).length === 0) whole.push(message)
      else {
        whole.push(await wholeMessage(message, read, { kinds, show: shownContent }))
        await turns.due()
      }
    }
    return whole
  }

  async #read({ blob }: Reference, runId: RunId): Promise<Uint8Array | undefined> {
    const { blobs, owner } = this.#options
    try {
      const bytes = await readBlob(blobs, owner, blob)
      if (bytes === undefined) this.#report(runId, blob, 'it is not in the store')
      return bytes
    } catch (error) {
      if (BeamClawError.isInstance(error) && lasting.has(error.code)) throw error
      this.#report(runId, blob, describeError(error))
      return undefined
    }
  }

  #report(runId: RunId, blob: string, problem: string): void {
    if (this.#reported === runId) return
    this.#reported = runId
    const { logger, sessionKey } = this.#options
    logger.log('error', 'session.attachment-unreadable', { session: sessionKey, run: runId, blob, error: problem })
  }

  #keeper(): ContentKeeper {
    const { blobs, owner } = this.#options
    let sizes: Promise<ReadonlyMap<string, number>> | undefined
    const read = async (): Promise<ReadonlyMap<string, number>> => new Map((await blobs.list(owner)).map(({ id, size }) => [id, size]))
    return {
      put: (bytes) => blobs.put(owner, bytes),
      sizeOf: async (id) => {
        sizes ??= read()
        return (await sizes).get(id)
      },
    }
  }

  #note<T>(writing: Promise<T>): Promise<T> {
    const forget = (): void => void this.#underWay.delete(writing)
    this.#underWay.add(writing)
    writing.then(forget, forget)
    return writing
  }
}

/** Rejects with the reason of the signal as soon as it is aborted: a store that hangs must not hold a run that is told to stop. */
async function unlessAborted<T>(call: Promise<T>, signal: AbortSignal): Promise<T> {
  const aborted = Promise.withResolvers<never>()
  const abort = (): void => aborted.reject(signal.reason)
  if (signal.aborted) abort()
  else signal.addEventListener('abort', abort, { once: true })
  // The call may fail after the abort.
  call.catch(() => {})
  aborted.promise.catch(() => {})
  try {
    return await Promise.race([call, aborted.promise])
  } finally {
    signal.removeEventListener('abort', abort)
  }
}
