/** The faults of one call to a store, and their effect on the caller. */
import { BeamClawError, type BlobStore, type ErrorCode, type LogEntry, type SessionIndex, type StoreKey } from '@beamclaw/core'

/** A call of the index of sessions. */
export type IndexMethod = `index.${keyof SessionIndex}`

/** A call that is about to be made. */
export interface StoreCall {
  /** Counts every call to the store and its logs from 0. */
  readonly index: number
  readonly method:
    | 'get'
    | 'put'
    | 'delete'
    | 'list'
    | 'openLog'
    | 'readLog'
    | 'deleteLog'
    | 'append'
    | 'read'
    | 'snapshot'
    | 'close'
    | `blobs.${keyof BlobStore}`
    | IndexMethod
  /** The key, or the prefix of a `list`; of an index, the tenant and `index`. */
  readonly key: StoreKey
  /** The records of an `append`. */
  readonly records?: readonly LogEntry[]
}

/**
 * The fault of a call. `fail-before`: it rejects without an effect. `fail-after`: it takes effect, but rejects. `hang`: it
 * never settles, with or without an effect. `duplicate`: it is made twice, as after a lost reply. `delay`: it is made once `before`
 * resolves, and settles once `after` does.
 */
export type StoreFault =
  | { readonly type: 'fail-before' | 'fail-after' /** @default 'store-io' */; readonly code?: ErrorCode }
  | { readonly type: 'hang' /** @default false */; readonly isDone?: boolean }
  | { readonly type: 'duplicate' }
  | { readonly type: 'delay'; readonly before?: Promise<void>; readonly after?: Promise<void> }

/** Called with each call, in order; returns its fault, or `undefined` to let it pass. */
export type StoreFaultPlan = (call: StoreCall) => StoreFault | undefined

/** Makes a call with its fault. */
export async function withStoreFault<T>(fault: StoreFault, call: StoreCall, execute: () => Promise<T>): Promise<T> {
  switch (fault.type) {
    case 'fail-before':
      throw failureOf(call, fault.code)
    case 'fail-after':
      await execute()
      throw failureOf(call, fault.code)
    case 'hang':
      if (fault.isDone === true) await execute()
      return new Promise<never>(() => {})
    case 'duplicate':
      return twice(call, execute)
    case 'delay': {
      await fault.before
      const answer = await execute()
      await fault.after
      return answer
    }
  }
}

async function twice<T>(call: StoreCall, execute: () => Promise<T>): Promise<T> {
  const first = await execute()
  // A second `openLog` has fenced the first handle; a second `append` must count as written.
  if (call.method === 'openLog' || call.method === 'append') return execute()
  await execute().catch(() => {})
  return first
}

function failureOf({ method, index }: StoreCall, code: ErrorCode = 'store-io'): BeamClawError {
  return new BeamClawError(code, `Call ${index} to the store, ${method}, failed on purpose`, { details: { method, index } })
}
