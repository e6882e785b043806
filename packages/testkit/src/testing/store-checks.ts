/** What a store refuses before it touches anything: keys, tokens, numbers and records that are none. */
import { BeamClawError, encodeJson, type FencingToken, type LogRecord, type StoreKey } from '@beamclaw/core'

/** Throws `invalid-id` unless `key` is a tenant and `minNames` to 8 names. */
export function checkKey(key: StoreKey, minNames: number): void {
  const isKey = Array.isArray(key) && key.length > minNames && key.length <= 9
  if (isKey && key.every((part: unknown) => typeof part === 'string' && part.length > 0 && part.length <= 512)) return
  throw new BeamClawError('invalid-id', 'A key is a tenant and up to 8 names of 1 to 512 characters')
}

/** Throws `invalid-option` unless `value` is a whole number from `minimum`, or absent. */
export function checkWhole(name: string, value: unknown, minimum: number): void {
  if (value === undefined || (Number.isSafeInteger(value) && (value as number) >= minimum)) return
  throw new BeamClawError('invalid-option', `"${name}" must be a whole number from ${minimum}`)
}

/** Throws `invalid-option` unless `token` is a fencing token. */
export function checkToken(token: FencingToken): void {
  if (typeof token === 'object' && token !== null && Number.isSafeInteger(token.epoch) && typeof token.nonce === 'string') return
  throw new BeamClawError('invalid-option', '"token" must be { epoch: whole number, nonce: string }')
}

/** The records with their data as text, copied. Throws `invalid-message`, `document-too-large`, or `log-gap` when they do not follow one another. */
export function checkRecords(records: readonly LogRecord[], maxBytes: number): (Omit<LogRecord, 'data'> & { readonly data: string })[] {
  if (!Array.isArray(records)) throw notRecords()
  return records.map((record: LogRecord, index) => {
    const { seq, type, id, ts, data } = record ?? {}
    const isObject = typeof data === 'object' && data !== null && !Array.isArray(data)
    if (!Number.isSafeInteger(seq) || seq < 1 || typeof type !== 'string' || typeof id !== 'string' || !Number.isFinite(ts) || !isObject)
      throw notRecords()
    const expected = (records[0] as LogRecord).seq + index
    if (seq !== expected) throw new BeamClawError('log-gap', `Record ${index} of the batch has seq ${seq}, expected was ${expected}`)
    return { seq, type, id, ts, data: encodeJson(data, maxBytes) }
  })
}

export function startsWith(key: StoreKey, prefix: StoreKey): boolean {
  return key.length > prefix.length && prefix.every((part, index) => part === key[index])
}

/** By the code units of their parts; a key comes before those below it. */
export function compareKeys(a: StoreKey, b: StoreKey): number {
  for (let index = 0; index < a.length && index < b.length; index++) {
    const [left = '', right = ''] = [a[index], b[index]]
    if (left !== right) return left < right ? -1 : 1
  }
  return a.length - b.length
}

function notRecords(): BeamClawError {
  return new BeamClawError('invalid-message', 'Nothing was stored: these are no records')
}
