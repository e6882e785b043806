/** Converts the parts of an AI SDK stream to parts of ours. What it does not know, it leaves out. */
import type { FinishReason, ProviderPart } from '@beamclaw/core'
import { type FailureContext, protocolError } from '../shared/failure.ts'
import { objectOf, objectsOf, textIn } from '../shared/fields.ts'
import type { ToolIds } from '../shared/tool-ids.ts'
import type { StreamPart } from './ai-sdk-model.ts'
import { AnswerBlocks } from './answer-blocks.ts'
import { AnswerCalls } from './answer-calls.ts'
import { reportedError } from './errors.ts'
import { fileToKeep } from './kept-file.ts'
import { optionsField } from './kept-parts.ts'
import { toUsage } from './usage.ts'

const finishReasons: ReadonlyMap<string, FinishReason> = new Map(
  (['stop', 'tool-calls', 'length', 'content-filter', 'other'] as const).map((reason) => [reason, reason]),
)

/** Our name of a setting that has another one there. */
const settings: ReadonlyMap<string, string> = new Map([['reasoning', 'thinking']])

/** Parts that may wait for the finish. */
const maxHeld = 100_000

/** Reads one answer, part by part. Throws `provider-*`. */
export class AiSdkStreamReader {
  readonly #failures: FailureContext
  readonly #blocks: AnswerBlocks
  readonly #calls: AnswerCalls
  /** A call that may have been cut off, and what followed it. */
  #held: ProviderPart[] | undefined
  #hasCalls = false
  #isFinished = false

  constructor(failures: FailureContext, ids: ToolIds, service: string) {
    this.#failures = failures
    this.#blocks = new AnswerBlocks(service)
    this.#calls = new AnswerCalls(service, ids, (what) => protocolError(failures.name, what))
  }

  /** True once the answer is complete. */
  get isFinished(): boolean {
    return this.#isFinished
  }

  /** Returns the parts that one part of the stream completes. */
  read(value: unknown): readonly ProviderPart[] {
    const part = objectOf(value)
    if (part === undefined || this.#isFinished) return []
    const out = this.#held ?? []
    this.#readPart(part, out)
    if (this.#isFinished || !this.#calls.hasDoubtful) return out
    this.#held = out
    if (out.length > maxHeld)
      throw protocolError(this.#failures.name, `the answer has more than ${maxHeld} parts after a call without input`)
    return []
  }

  /** Throws for a stream that has ended without a finish. */
  end(): void {
    if (!this.#isFinished) throw protocolError(this.#failures.name, 'the stream ended before the answer was finished')
  }

  #readPart(part: StreamPart, out: ProviderPart[]): void {
    const { type, id, delta, providerMetadata } = part
    const name = textIn(id) ?? ''
    switch (type) {
      case 'text-start':
      case 'text-delta':
        return this.#addText('text', name, textIn(delta) ?? '', providerMetadata, out)
      case 'reasoning-start':
      case 'reasoning-delta':
        return this.#addText('thinking', name, textIn(delta) ?? '', providerMetadata, out)
      case 'text-end':
        return this.#blocks.end('text', name, providerMetadata, out)
      case 'reasoning-end':
        return this.#blocks.end('thinking', name, providerMetadata, out)
      case 'tool-input-start':
        return this.#calls.begin(part, out)
      case 'tool-input-delta':
        return this.#calls.piece(part, out)
      case 'tool-call':
        this.#blocks.interrupt(out)
        this.#hasCalls ||= part.providerExecuted !== true
        return this.#calls.call(part, out)
      case 'tool-result':
        this.#blocks.interrupt(out)
        return this.#calls.result(part, out)
      case 'file':
      case 'reasoning-file': {
        const file = fileToKeep(part)
        this.#blocks.interrupt(out)
        if (file !== undefined) this.#calls.custom(type, { type, ...file }, optionsField(providerMetadata), out)
        return
      }
      case 'custom': {
        const kind = textIn(part.kind)
        this.#blocks.interrupt(out)
        if (kind !== undefined && kind !== '') this.#calls.custom(kind, { type, kind }, optionsField(providerMetadata), out)
        return
      }
      case 'tool-approval-request': {
        const message =
          'The service asks for a consent before it runs a tool of its own. There is no way to give it here, so the tool does not run.'
        out.push({ type: 'warning', setting: 'tool-approval-request', message })
        return
      }
      case 'stream-start':
        for (const warning of objectsOf(part.warnings)) out.push(this.#warningOf(warning))
        return
      case 'error':
        throw reportedError(this.#failures, part.error)
      case 'finish':
        return this.#finish(part, out)
    }
    // Sources, metadata of the response, pings and raw chunks are for others.
  }

  #addText(kind: 'text' | 'thinking', id: string, text: string, metadata: unknown, out: ProviderPart[]): void {
    this.#blocks.add(kind, id, text, metadata, out)
    if (this.#blocks.isEndless) throw protocolError(this.#failures.name, 'the answer has no end: its blocks are too many')
  }

  #warningOf({ type, feature, setting, details, message }: StreamPart): ProviderPart {
    const named = textIn(feature) ?? textIn(setting) ?? ''
    const told = textIn(details) ?? textIn(message)
    const { redactor } = this.#failures
    const name = redactor.clean(settings.get(named) ?? named, 64) || 'request'
    const fallback = type === 'compatibility' ? `"${name}" was adapted to what the model has.` : `The model does not support "${name}".`
    return { type: 'warning', setting: name, message: told === undefined || told === '' ? fallback : redactor.clean(told) }
  }

  #finish({ finishReason, usage }: StreamPart, out: ProviderPart[]): void {
    const { unified, raw } = objectOf(finishReason) ?? {}
    const said = textIn(unified) ?? ''
    const told = textIn(raw)
    if (said === 'error') throw reportedError(this.#failures, told)
    // The AI SDK's names for a stream that broke off: version 4 has a word for it, and version 3 says `other` and that the service gave no reason.
    if (said === 'interrupted' || (said === 'other' && told === undefined)) this.end()
    const reason = finishReasons.get(said) ?? 'other'
    const isCut = reason === 'length' || reason === 'content-filter'
    this.#blocks.endAll(out)
    this.#leaveOutCut(isCut, out)
    out.push({ type: 'finish', reason: this.#reasonOf(reason), usage: toUsage(usage) })
    this.#isFinished = true
  }

  /** Calls that were cut off must neither run nor get a result. */
  #leaveOutCut(isCut: boolean, out: ProviderPart[]): void {
    if (!isCut) return
    const whole = out.filter((part) => !this.#calls.isDoubtful(part))
    out.length = 0
    for (const part of whole) out.push(part)
  }

  /** Some models say `stop` and call tools, others say `tool-calls` and call none. */
  #reasonOf(reason: FinishReason): FinishReason {
    if (reason === 'length' || reason === 'content-filter') return reason
    if (this.#hasCalls) return 'tool-calls'
    return reason === 'tool-calls' ? 'other' : reason
  }
}
