/** Keys, tokens and records for tests of stores. */
import { BeamClawError, type ErrorCode, type FencingToken, type LogEntry, type StoreKey, type TenantId } from '@beamclaw/core'
import * as assert from './assert.ts'

/**
 * Returns a store key of the default tenant.
 *
 * @example
 * storeKey('notes', 'today') // ['default', 'notes', 'today']
 */
export function storeKey(...names: string[]): StoreKey {
  return ['default' as TenantId, ...names]
}

/**
 * Returns a fencing token; a higher epoch fences a lower one.
 *
 * @example
 * fencingToken(2) // { epoch: 2, nonce: 'first' }
 */
export function fencingToken(epoch = 1, nonce = 'first'): FencingToken {
  return { epoch, nonce }
}

/**
 * Returns log records with the seqs `from` to `to`, like those of a journal. `text` fills their data.
 *
 * @example
 * await log.append(logRecords(1, 3))
 */
export function logRecords(from: number, to: number = from, text = ''): LogEntry[] {
  const records: LogEntry[] = []
  for (let seq = from; seq <= to; seq++)
    records.push({ seq, type: 'note', id: `record-${seq}`, ts: 1_700_000_000_000 + seq, data: { seq, text } })
  return records
}

/**
 * Returns the seqs of records.
 *
 * @example
 * seqsOf((await log.read()).records) // [1, 2, 3]
 */
export function seqsOf(records: readonly LogEntry[]): number[] {
  return records.map(({ seq }) => seq)
}

/**
 * Returns the whole numbers from `from` to `to`, both included.
 *
 * @example
 * range(1, 3) // [1, 2, 3]
 */
export function range(from: number, to: number): number[] {
  return Array.from({ length: Math.max(to - from + 1, 0) }, (_, index) => from + index)
}

/**
 * Resolves with the error when `call` rejects with a BeamClawError of one of the codes; otherwise rejects with an `AssertionError`.
 *
 * @example
 * await expectRejection(store.put(key, 1, { expectedVersion: 9 }), 'version-conflict')
 */
export async function expectRejection(call: Promise<unknown>, ...codes: ErrorCode[]): Promise<BeamClawError> {
  const outcome = await call.then(
    (value: unknown) => ({ value }),
    (error: unknown) => ({ error }),
  )
  if (!('error' in outcome)) assert.fail(`expected a rejection with ${codes.join(' or ')}, resolved with ${JSON.stringify(outcome.value)}`)
  const { error } = outcome
  if (!BeamClawError.isInstance(error)) throw error
  assert.includes(codes, error.code)
  return error
}
