/** The calls in an answer of the AI SDK: those of our tools, and those of the tools that the service runs. */
import type { BeamClawError, JsonObject, ProviderPart } from '@beamclaw/core'
import { textIn } from '../shared/fields.ts'
import type { ToolIds } from '../shared/tool-ids.ts'
import { toToolCall } from '../shared/wire-format.ts'
import type { StreamPart } from './ai-sdk-model.ts'
import { keep, optionsField, plainJson } from './kept-parts.ts'

/** Passes calls on. One whose input is empty or no JSON may have been cut off by the output limit, which only the finish tells: it is doubtful until then. */
export class AnswerCalls {
  readonly #service: string
  readonly #ids: ToolIds
  readonly #fail: (what: string) => BeamClawError
  /** Our ids of the calls that have begun, by the ids in the stream. */
  readonly #begun = new Map<string, { readonly id: string; readonly hasJson: boolean }>()
  readonly #doubtful = new Set<ProviderPart>()

  constructor(service: string, ids: ToolIds, fail: (what: string) => BeamClawError) {
    this.#service = service
    this.#ids = ids
    this.#fail = fail
  }

  /** True once there is a call of which only the finish tells whether it counts. */
  get hasDoubtful(): boolean {
    return this.#doubtful.size > 0
  }

  /** True for such a call. */
  isDoubtful(part: ProviderPart): boolean {
    return this.#doubtful.has(part)
  }

  /** Announces a call of ours. */
  begin({ id: given, toolName, providerExecuted, inputEncoding }: StreamPart, out: ProviderPart[]): void {
    const wanted = textIn(given)
    const name = textIn(toolName)
    if (providerExecuted === true || wanted === undefined || name === undefined || name === '' || this.#begun.has(wanted)) return
    const id = this.#ids.claim(wanted)
    this.#begun.set(wanted, { id, hasJson: inputEncoding !== 'text' })
    out.push({ type: 'tool-call-start', id, name })
  }

  /** Passes on a piece of the input of a call of ours. */
  piece({ id: given, delta }: StreamPart, out: ProviderPart[]): void {
    const call = this.#begun.get(textIn(given) ?? '')
    const inputText = textIn(delta) ?? ''
    if (call?.hasJson === true && inputText !== '') out.push({ type: 'tool-call-delta', id: call.id, inputText })
  }

  /** Passes on a whole call; one that the service runs becomes a custom part. */
  call(part: StreamPart, out: ProviderPart[]): void {
    const wanted = textIn(part.toolCallId)
    const toolName = textIn(part.toolName)
    const input = textIn(part.input)
    if (toolName === undefined || toolName === '') throw this.#fail('the answer holds a tool call without a name')
    if (input === undefined) throw this.#fail('the answer holds a tool call whose input is no text')
    const kept = optionsField(part.providerMetadata)
    if (part.providerExecuted === true) {
      const made = { type: 'tool-call', toolCallId: wanted ?? '', toolName, input: parsed(input), providerExecuted: true }
      return this.custom('tool-call', made, kept, out)
    }
    const id = this.#begun.get(wanted ?? '')?.id ?? this.#ids.claim(wanted)
    this.#begun.delete(wanted ?? '')
    const call = toToolCall(id, toolName, input)
    const metadata = kept.options === undefined ? undefined : keep(this.#service, kept)
    if (kept.options !== undefined && metadata === undefined) this.#warnOfSize('tool-call', out)
    const made = metadata === undefined ? call : { ...call, providerMetadata: metadata }
    if (call.invalidInput !== undefined || input.trim() === '') this.#doubtful.add(made)
    out.push(made)
  }

  /** Keeps the result of a tool that the service ran. */
  result({ toolCallId, toolName, result, isError, preliminary, providerMetadata }: StreamPart, out: ProviderPart[]): void {
    if (preliminary === true) return
    const value = plainJson(result) ?? null
    const output = isError === true ? { type: 'error-json', value } : { type: typeof value === 'string' ? 'text' : 'json', value }
    const made = { type: 'tool-result', toolCallId: textIn(toolCallId) ?? '', toolName: textIn(toolName) ?? '', output }
    this.custom('tool-result', made, optionsField(providerMetadata), out)
  }

  /** Keeps a block that only the service understands. */
  custom(kind: string, part: JsonObject, options: ReturnType<typeof optionsField>, out: ProviderPart[]): void {
    const providerMetadata = keep(this.#service, { part, ...options })
    if (providerMetadata === undefined) this.#warnOfSize(kind, out)
    else out.push({ type: 'custom', kind, providerMetadata })
  }

  #warnOfSize(kind: string, out: ProviderPart[]): void {
    out.push({
      type: 'warning',
      setting: kind,
      message: `A part "${kind}" of the answer is too large to be kept with the conversation, so it is not sent back.`,
    })
  }
}

function parsed(input: string): JsonObject[string] {
  try {
    return input.trim() === '' ? {} : JSON.parse(input)
  } catch {
    return input
  }
}
