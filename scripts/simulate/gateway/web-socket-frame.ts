/** Frames of RFC 6455 by hand, also those that no library would send. */

export interface FrameShape {
  readonly opcode: number
  readonly payload: Buffer
  /** @default true */
  readonly isFinal?: boolean
  /** @default true */
  readonly isMasked?: boolean
  /** The three reserved bits, 0 to 7. @default 0 */
  readonly reserved?: number
  /** What the header says, when that is not the length of the payload; in bytes. */
  readonly length?: number
}

export function frame({ opcode, payload, isFinal = true, isMasked = true, reserved = 0, length = payload.length }: FrameShape): Buffer {
  const head = [(isFinal ? 0x80 : 0) | (reserved << 4) | opcode]
  const mask = isMasked ? 0x80 : 0
  if (length < 126) head.push(mask | length)
  else if (length < 65_536) head.push(mask | 126, length >> 8, length & 0xff)
  else head.push(mask | 127, ...bigEndian(length))
  // A key of zeros leaves the payload as it is.
  return Buffer.concat([Buffer.from(head), Buffer.alloc(isMasked ? 4 : 0), payload])
}

function bigEndian(length: number): readonly number[] {
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64BE(BigInt(length))
  return [...bytes]
}
