/** Keys, tokens and records for the tests of stores. */
import { BeamClawError, type ErrorCode, type FencingToken, type LogEntry, type StoreKey, type TenantId } from '@beamclaw/core'
import * as assert from './assert.ts'

/** A key of the default tenant. */
export function storeKey(...names: string[]): StoreKey {
  return ['default' as TenantId, ...names]
}

/** A fencing token. */
export function fencingToken(epoch = 1, nonce = 'first'): FencingToken {
  return { epoch, nonce }
}

/** Records `from` to `to`, as a journal would hold them. */
export function logRecords(from: number, to: number = from, text = ''): LogEntry[] {
  const records: LogEntry[] = []
  for (let seq = from; seq <= to; seq++)
    records.push({ seq, type: 'note', id: `record-${seq}`, ts: 1_700_000_000_000 + seq, data: { seq, text } })
  return records
}

/** The seqs of records. */
export function seqsOf(records: readonly LogEntry[]): number[] {
  return records.map(({ seq }) => seq)
}

/** Whole numbers from `from` to `to`. */
export function range(from: number, to: number): number[] {
  return Array.from({ length: Math.max(to - from + 1, 0) }, (_, index) => from + index)
}

/** Passes when `call` rejects with a BeamClawError of one of the codes; resolves with it. */
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
