/** Makes the plain store with one flaw: a rule of it that is another, or a call of it that is handled otherwise. */
import type { AppendLog, BlobStore, Store } from '@beamclaw/core'
import type { StoreUnderTest } from '../store-under-test.ts'
import { PlainStore } from './plain-store.ts'
import { correctRules, newDisk, type StoreRules } from './store-rules.ts'

/** Handles a call in place of the correct one, which it is handed first. */
export type Around<T> = {
  readonly [M in keyof T]?: NonNullable<T[M]> extends (...args: infer A) => unknown
    ? (call: (...args: A) => Promise<never>, ...args: A) => unknown
    : never
}

/** Rules in place of correct ones. */
export type WrongRules = Partial<StoreRules>

/** A mistake of an author, and the name of the test that catches it. */
export interface StoreMistake {
  readonly caughtBy: string
  readonly rules?: WrongRules
  readonly store?: Around<Store>
  readonly log?: Around<AppendLog>
  readonly blobs?: Around<BlobStore>
}

function around<T extends object>(correct: T, handlers: Around<T> | undefined): T {
  if (handlers === undefined) return correct
  return new Proxy(correct, {
    get(target, name) {
      const method = Reflect.get(target, name) as unknown
      if (typeof method !== 'function') return method
      const call = (...args: unknown[]): unknown => method.apply(target, args)
      const handler = (handlers as Record<PropertyKey, ((...args: unknown[]) => unknown) | undefined>)[name]
      return handler === undefined ? call : (...args: unknown[]) => handler(call, ...args)
    },
  })
}

export function mistakenStore(mistake: Omit<StoreMistake, 'caughtBy'> | undefined): StoreUnderTest {
  const disk = newDisk()
  const rules = { ...correctRules, ...mistake?.rules }
  const make = (): Store => {
    const plain = new PlainStore(rules, disk)
    const withLogs = around<Store>(plain, {
      async openLog(call, ...args) {
        return around(await call(...args), mistake?.log)
      },
    })
    const withBlobs = new Proxy(withLogs, {
      get: (target, name) => (name === 'blobs' ? around(target.blobs, mistake?.blobs) : Reflect.get(target, name)),
    })
    return around(withBlobs, mistake?.store)
  }
  return {
    store: make(),
    async damageBlob(owner, id) {
      const bytes = disk.blobs.get(rules.blobOwner(owner))?.get(id)
      if (bytes?.[0] !== undefined) bytes[0] ^= 1
    },
    async reopen() {
      rules.reopen(disk)
      for (const { log } of disk.entries.values()) if (log !== undefined) log.owner = undefined
      return make()
    },
  }
}
