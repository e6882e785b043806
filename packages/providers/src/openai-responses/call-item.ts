import type { JsonObject, ProviderPart, ToolCall } from '@beamclaw/core'
import { textIn } from '../shared/fields.ts'
import { toToolCall } from '../shared/wire-format.ts'
import { callToKeep, kept } from './kept-items.ts'
import type { DeltaKind, OutputContext, OutputEnd, OutputItem } from './output-item.ts'

/** A call of one of the request's tools. One that the output limit cut off is left out: it must neither run nor get a result. */
export class CallItem implements OutputItem {
  readonly #context: OutputContext
  #id: string | undefined
  #name = ''
  #written = ''
  /** The whole item, whose input is no JSON: the end of the answer tells whether it was cut off. */
  #undecided: JsonObject | undefined
  #isCalled = false

  constructor(context: OutputContext, begun: JsonObject) {
    this.#context = context
    this.#name = textIn(begun.name) ?? ''
    if (this.#name !== '') this.#idOf(begun)
  }

  /** True once the call was put out whole. */
  get isCalled(): boolean {
    return this.#isCalled
  }

  /** The part that announces the call; nothing before its name is known. */
  begin(): readonly ProviderPart[] {
    return this.#id === undefined ? [] : [{ type: 'tool-call-start', id: this.#id, name: this.#name }]
  }

  delta(_: DeltaKind, __: number, text: string): readonly ProviderPart[] {
    this.#written += text
    return this.#id === undefined || text === '' ? [] : [{ type: 'tool-call-delta', id: this.#id, inputText: text }]
  }

  block(kind: DeltaKind, index: number, text: string): readonly ProviderPart[] {
    if (text.startsWith(this.#written)) return this.delta(kind, index, text.slice(this.#written.length))
    this.#written = text
    return []
  }

  done(item: JsonObject): { readonly parts: readonly ProviderPart[]; readonly isOpen?: boolean } {
    if (item.status === 'incomplete') return { parts: [] }
    const call = this.#call(item)
    if (call.invalidInput === undefined) return { parts: this.#put(call) }
    this.#undecided = item
    return { parts: [], isOpen: true }
  }

  end(how: OutputEnd): readonly ProviderPart[] {
    return how === 'cut' ? [] : this.#put(this.#call(this.#undecided ?? {}))
  }

  #put(call: ToolCall): readonly ProviderPart[] {
    this.#isCalled = true
    return [call]
  }

  #call(item: JsonObject): ToolCall {
    const { service, fail } = this.#context
    const id = this.#idOf(item)
    const name = this.#name || (textIn(item.name) ?? '')
    if (name === '') throw fail('the answer holds a tool call without a name')
    const sent = item.arguments
    // Text by the specification; some servers send the parsed object.
    const text = sent === undefined || sent === null ? this.#written : typeof sent === 'string' ? sent : JSON.stringify(sent)
    const call = toToolCall(id, name, text)
    const providerMetadata = kept(
      service,
      callToKeep(item, call.invalidInput === undefined ? text : JSON.stringify(call.input), call.input),
    )
    return providerMetadata === undefined ? call : { ...call, providerMetadata }
  }

  #idOf({ call_id: callId, id }: JsonObject): string {
    this.#id ??= this.#context.ids.claim(textIn(callId) ?? textIn(id))
    return this.#id
  }
}
