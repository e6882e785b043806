import type { JsonObject, ProviderPart } from '@beamclaw/core'
import { objectsOf, textIn } from '../shared/fields.ts'
import { kept, reasoningToKeep } from './kept-items.ts'
import type { DeltaKind, OutputContext, OutputEnd, OutputItem } from './output-item.ts'

/** A reasoning item: one part, whose text is the summary or the reasoning itself, whichever comes first. */
export class ReasoningItem implements OutputItem {
  readonly #context: OutputContext
  readonly #begun: JsonObject
  #kind: DeltaKind | undefined
  #index = 0
  /** The blocks so far, by their index. */
  readonly #blocks = new Map<number, string>()

  constructor(context: OutputContext, begun: JsonObject) {
    this.#context = context
    this.#begun = begun
  }

  delta(kind: DeltaKind, index: number, text: string): readonly ProviderPart[] {
    if (text === '' || (this.#kind !== undefined && this.#kind !== kind)) return []
    const isNext = this.#kind !== undefined && this.#index !== index
    this.#kind = kind
    this.#index = index
    this.#blocks.set(index, (this.#blocks.get(index) ?? '') + text)
    const delta = { type: 'thinking-delta', text } as const
    return isNext ? [{ type: 'thinking-delta', text: '\n\n' }, delta] : [delta]
  }

  block(kind: DeltaKind, index: number, text: string): readonly ProviderPart[] {
    const written = this.#blocks.get(index) ?? ''
    return text.startsWith(written) ? this.delta(kind, index, text.slice(written.length)) : []
  }

  done(item: JsonObject): { readonly parts: readonly ProviderPart[] } {
    const parts: ProviderPart[] = []
    for (const [kind, blocks] of [
      ['summary', item.summary],
      ['reasoning', item.content],
    ] as const) {
      for (const [index, block] of objectsOf(blocks).entries()) parts.push(...this.block(kind, index, textIn(block.text) ?? ''))
    }
    return { parts: [...parts, ...this.#end(reasoningToKeep(item))] }
  }

  /** Clear text is all that there is to such an item. An encrypted one is whole only when it is done. */
  overtaken(): readonly ProviderPart[] | undefined {
    return this.#kind === 'reasoning' && textIn(this.#begun.encrypted_content) === undefined ? this.#end(this.#clearItem()) : undefined
  }

  end(how: OutputEnd): readonly ProviderPart[] {
    return this.#end(how === 'complete' && this.#kind === 'reasoning' ? this.#clearItem() : undefined)
  }

  #clearItem(): JsonObject {
    const content = [...this.#blocks.values()].map((text) => ({ type: 'reasoning_text', text }))
    const { status: _, ...begun } = this.#begun
    return { ...begun, type: 'reasoning', summary: [], content }
  }

  #end(item: JsonObject | undefined): readonly ProviderPart[] {
    const providerMetadata = item === undefined ? undefined : kept(this.#context.service, { item })
    if (providerMetadata === undefined) return this.#kind === undefined ? [] : [{ type: 'thinking-end' }]
    return [{ type: 'thinking-end', providerMetadata }]
  }
}
