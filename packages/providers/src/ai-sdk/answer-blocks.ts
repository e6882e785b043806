/** The blocks of text and thinking in an answer of the AI SDK: named by ids there, and in one row here. */
import type { ProviderPart } from '@beamclaw/core'
import { keep, optionsField } from './kept-parts.ts'

interface Block {
  readonly kind: 'text' | 'thinking'
  readonly number: number
  /** The last metadata that came with a piece of it. */
  metadata: unknown
  /** True once a piece of it was passed on, and then another block began. */
  isCut: boolean
}

/** As many as an answer may have parts. */
const maxBlocks = 10_000

/**
 * Puts the pieces of blocks in a row. Several may be open at once; each piece is passed on as it comes, and a block in whose middle another one began is told
 * by its number, so that it can be put together again.
 *
 * I1: At most one block has pieces that no end has followed: `#current`.
 */
export class AnswerBlocks {
  readonly #service: string
  readonly #open = new Map<string, Block>()
  #current: Block | undefined
  #count = 0

  constructor(service: string) {
    this.#service = service
  }

  /** True for an answer with more blocks than any has. */
  get isEndless(): boolean {
    return this.#count > maxBlocks
  }

  /** Begins a block, or adds a piece to it. */
  add(kind: Block['kind'], id: string, text: string, metadata: unknown, out: ProviderPart[]): void {
    const block = this.#open.get(`${kind} ${id}`) ?? this.#begin(kind, id)
    if (metadata !== undefined) block.metadata = metadata
    if (text === '') return
    if (block !== this.#current) {
      this.interrupt(out)
      this.#current = block
    }
    out.push({ type: kind === 'text' ? 'text-delta' : 'thinking-delta', text })
  }

  /** Ends a block; one that was never begun is ignored. */
  end(kind: Block['kind'], id: string, metadata: unknown, out: ProviderPart[]): void {
    const name = `${kind} ${id}`
    const block = this.#open.get(name)
    if (block === undefined) return
    this.#open.delete(name)
    if (metadata !== undefined) block.metadata = metadata
    const { options } = optionsField(block.metadata)
    if (block !== this.#current) {
      // All of its pieces were passed on before.
      if (options === undefined) return
      this.interrupt(out)
    }
    this.#current = undefined
    const isKept = kind === 'thinking' || options !== undefined || block.isCut
    const fields = { ...(options === undefined ? {} : { options }), ...(block.isCut ? { block: block.number } : {}) }
    this.#push(kind, isKept ? fields : undefined, out)
  }

  /** Ends the pieces that came last, because something else follows them. */
  interrupt(out: ProviderPart[]): void {
    const block = this.#current
    if (block === undefined) return
    this.#current = undefined
    block.isCut = true
    this.#push(block.kind, { block: block.number }, out)
  }

  /** Ends all that are open. */
  endAll(out: ProviderPart[]): void {
    for (const [name, { kind }] of [...this.#open]) this.end(kind, name.slice(kind.length + 1), undefined, out)
  }

  #begin(kind: Block['kind'], id: string): Block {
    const block: Block = { kind, number: this.#count++, metadata: undefined, isCut: false }
    this.#open.set(`${kind} ${id}`, block)
    return block
  }

  #push(kind: Block['kind'], fields: Parameters<typeof keep>[1] | undefined, out: ProviderPart[]): void {
    const type = kind === 'text' ? 'text-end' : 'thinking-end'
    const providerMetadata = fields === undefined ? undefined : keep(this.#service, fields)
    if (fields !== undefined && providerMetadata === undefined) {
      out.push({
        type: 'warning',
        setting: type,
        message: 'What the model needs back with a part of its answer is too large to be kept, so it is not sent back.',
      })
    }
    out.push(providerMetadata === undefined ? { type } : { type, providerMetadata })
  }
}
