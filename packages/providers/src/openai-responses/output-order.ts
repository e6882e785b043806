/** Puts the parts of an answer's items in the order of the items, which services may work on at the same time. */
import type { ProviderPart } from '@beamclaw/core'
import type { OutputItem } from './output-item.ts'

/** An item in its place. */
export interface OutputSlot {
  readonly index: number
  readonly type: string
  readonly item: OutputItem
  /** Parts of an item whose turn has not come. */
  waiting: ProviderPart[]
  isClosed: boolean
}

/**
 * The items of one answer. The parts of the first that is open, the head, go out as they come; those of the others wait for it.
 *
 * - I1: slots before the head are closed, and their parts are out.
 * - I2: an item that comes after its place has gone by takes the place after the head.
 */
export class OutputOrder {
  readonly #slots: OutputSlot[] = []
  readonly #byIndex = new Map<number, OutputSlot>()
  #head = 0

  get size(): number {
    return this.#slots.length
  }

  /** The items in their order. */
  get slots(): readonly OutputSlot[] {
    return this.#slots
  }

  find(index: number): OutputSlot | undefined {
    return this.#byIndex.get(index)
  }

  /** The index after the last. */
  get nextIndex(): number {
    return (this.#slots.at(-1)?.index ?? -1) + 1
  }

  /** Adds an item, and returns its slot. */
  add(index: number, type: string, item: OutputItem, out: ProviderPart[]): OutputSlot {
    const slot = { index, type, item, waiting: [], isClosed: false }
    let place = this.#slots.length
    while (place > this.#head + 1 && (this.#slots[place - 1]?.index ?? 0) > index) place--
    this.#slots.splice(place, 0, slot)
    this.#byIndex.set(index, slot)
    const head = this.#slots[this.#head]
    if (head !== undefined && head !== slot) this.#overtake(head, out)
    return slot
  }

  /** Puts out the parts of an item, or keeps them until it is its turn. */
  put(slot: OutputSlot, parts: readonly ProviderPart[], out: ProviderPart[]): void {
    const target = this.#slots[this.#head] === slot ? out : slot.waiting
    for (const part of parts) target.push(part)
  }

  /** Closes an item: nothing more comes of it. */
  close(slot: OutputSlot, out: ProviderPart[]): void {
    slot.isClosed = true
    for (let head = this.#slots[this.#head]; head?.isClosed === true; head = this.#slots[this.#head]) {
      this.#head++
      const next = this.#slots[this.#head]
      if (next === undefined) return
      for (const part of next.waiting) out.push(part)
      next.waiting = []
    }
  }

  #overtake(head: OutputSlot, out: ProviderPart[]): void {
    const parts = head.item.overtaken?.()
    if (parts === undefined) return
    this.put(head, parts, out)
    this.close(head, out)
  }
}
