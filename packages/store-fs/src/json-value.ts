/** Turns values into JSON text, and refuses what JSON would drop or bend on the way. */
import { BeamClawError } from '@beamclaw/core'
import { invalid } from './failures.ts'

const deepest = 512

/** JSON text of at most `maxBytes`. Throws `invalid-message` for what is not JSON, `document-too-large` for what is too long. */
export function encodeJson(value: unknown, maxBytes: number): string {
  checkJson(value, 0)
  let json: string
  try {
    json = JSON.stringify(value)
  } catch (error) {
    throw new BeamClawError('invalid-message', 'Nothing was stored: the value is not JSON', { cause: error })
  }
  // UTF-8 takes at most three bytes for a UTF-16 unit: counting exactly is seldom needed.
  if (json.length * 3 <= maxBytes) return json
  const bytes = Buffer.byteLength(json)
  if (bytes <= maxBytes) return json
  throw new BeamClawError('document-too-large', `The value takes ${bytes} bytes, the limit is ${maxBytes}`, {
    details: { bytes, maxBytes },
  })
}

function checkJson(value: unknown, depth: number): void {
  if (typeof value === 'string' || typeof value === 'boolean' || value === null) return
  if (typeof value === 'number') {
    if (!Number.isFinite(value)) throw invalid(`${value} is not JSON`)
    return
  }
  if (typeof value !== 'object') throw invalid(`a value of type ${typeof value} is not JSON`)
  if (depth === deepest) throw invalid(`the value is cyclic or nests deeper than ${deepest}`)
  if (Array.isArray(value)) {
    for (const item of value as unknown[]) checkJson(item, depth + 1)
    return
  }
  const prototype: unknown = Object.getPrototypeOf(value)
  // A plain object of another realm has another Object.prototype, which is still the end of its chain.
  if (prototype !== null && Object.getPrototypeOf(prototype) !== null) throw invalid('an instance of a class is not JSON')
  for (const item of Object.values(value)) if (item !== undefined) checkJson(item, depth + 1)
}
