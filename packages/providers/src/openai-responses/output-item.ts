/** The items of an answer's output, each of which makes parts of its events. */
import type { JsonObject, ProviderPart } from '@beamclaw/core'
import type { ToolIds } from '../shared/tool-ids.ts'

/** What items need of their answer. */
export interface OutputContext {
  /** The name under which metadata is kept. */
  readonly service: string
  readonly ids: ToolIds
  /** Returns the error for an item that breaks the protocol. */
  readonly fail: (what: string) => Error
}

/** How an answer ended: complete, or cut off by a limit or a filter. */
export type OutputEnd = 'complete' | 'cut'

/** One item of the output. Its methods return the parts that an event makes; the answer puts them in their place. */
export interface OutputItem {
  /** A piece of text of the item; `index` is that of the block within the item. */
  delta?(kind: DeltaKind, index: number, text: string): readonly ProviderPart[]
  /** A whole block, of which pieces may have come before. */
  block?(kind: DeltaKind, index: number, text: string): readonly ProviderPart[]
  /** The whole item. The item stays open if that cannot be decided before the end of the answer. */
  done(item: JsonObject): { readonly parts: readonly ProviderPart[]; readonly isOpen?: boolean }
  /** The next item begins although this one was not closed; returns nothing where what is missing cannot be done without. */
  overtaken?(): readonly ProviderPart[] | undefined
  /** The answer ends and the item was never whole. */
  end(how: OutputEnd): readonly ProviderPart[]
}

/** The text that a piece belongs to. */
export type DeltaKind = 'text' | 'refusal' | 'summary' | 'reasoning' | 'arguments'
