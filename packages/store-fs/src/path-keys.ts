/** The keys of paths, those with a part that is too long for a file name included: such a part is learned from what is in a file. */
import { join, sep } from 'node:path'
import type { StoreKey } from '@beamclaw/core'
import { decodePart } from './key-path.ts'

export class PathKeys {
  /** By the path of a component that is a hash: the part that it stands for. */
  readonly #parts = new Map<string, string>()

  /** Keeps what a file says of the key of its path. */
  learn(path: string, key: StoreKey): void {
    const components = path.split(sep)
    if (components.length !== key.length) return
    for (const [index, component] of components.entries())
      if (decodePart(component) === 'hashed') this.#parts.set(pathOf(components, index), key[index] ?? '')
  }

  /** Returns the key of a path below the data directory, without an ending; undefined when a part of it has not been learned. */
  keyOf(path: string): StoreKey | undefined {
    const components = path.split(sep)
    const parts: string[] = []
    for (const [index, component] of components.entries()) {
      const decoded = decodePart(component)
      const part = decoded === 'hashed' ? this.#parts.get(pathOf(components, index)) : decoded?.part
      if (part === undefined) return undefined
      parts.push(part)
    }
    return parts as unknown as StoreKey
  }
}

function pathOf(components: readonly string[], index: number): string {
  return join(...components.slice(0, index + 1))
}
