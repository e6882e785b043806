import type { JsonObject, ProviderPart } from '@beamclaw/core'
import { objectsOf, textIn } from '../shared/fields.ts'
import { kept } from './kept-items.ts'
import type { DeltaKind, OutputContext, OutputItem } from './output-item.ts'

/** A message of the model: a part for each of its blocks, which are text or a refusal. */
export class MessageItem implements OutputItem {
  readonly #context: OutputContext
  /** The text of each block so far. */
  readonly #written = new Map<number, string>()
  #phase: string | undefined
  #block: { readonly index: number; readonly isRefusal: boolean } | undefined
  #ended = 0
  #hasRefusal = false

  constructor(context: OutputContext, begun: JsonObject) {
    this.#context = context
    this.#phase = textIn(begun.phase)
  }

  get hasRefusal(): boolean {
    return this.#hasRefusal
  }

  delta(kind: DeltaKind, index: number, text: string): readonly ProviderPart[] {
    const written = this.#written.get(index)
    if (text === '') return []
    this.#written.set(index, written === undefined ? text : written + text)
    const isRefusal = kind === 'refusal'
    const block = this.#block
    if (block !== undefined && block.index === index && block.isRefusal === isRefusal) return [{ type: 'text-delta', text }]
    const before = this.#endBlock()
    this.#block = { index, isRefusal }
    this.#hasRefusal ||= isRefusal
    return [...before, { type: 'text-delta', text }]
  }

  block(kind: DeltaKind, index: number, text: string): readonly ProviderPart[] {
    const written = this.#written.get(index) ?? ''
    return text.startsWith(written) ? this.delta(kind, index, text.slice(written.length)) : []
  }

  done(item: JsonObject): { readonly parts: readonly ProviderPart[] } {
    this.#phase = textIn(item.phase) ?? this.#phase
    const parts: ProviderPart[] = []
    for (const [index, block] of objectsOf(item.content).entries()) {
      const isRefusal = block.type === 'refusal'
      const text = textIn(isRefusal ? block.refusal : block.text)
      if (text !== undefined) parts.push(...this.block(isRefusal ? 'refusal' : 'text', index, text))
    }
    parts.push(...this.#endBlock())
    return { parts }
  }

  end(): readonly ProviderPart[] {
    return this.#endBlock()
  }

  #endBlock(): readonly ProviderPart[] {
    const block = this.#block
    if (block === undefined) return []
    this.#block = undefined
    const providerMetadata = kept(this.#context.service, {
      ...(this.#phase === undefined ? {} : { phase: this.#phase }),
      ...(block.isRefusal ? { refusal: true } : {}),
      ...(this.#ended++ === 0 ? {} : { continues: true }),
    })
    return [{ type: 'text-end', ...(providerMetadata === undefined ? {} : { providerMetadata }) }]
  }
}
