/** Cuts bytes of UTF-8 between characters. */

/** Bytes of the longest character. */
const longest = 4

function isContinuation(byte: number | undefined): boolean {
  return byte !== undefined && (byte & 0xc0) === 0x80
}

/** Returns the bytes of the character that this byte begins; 1 for a byte that begins none. */
function lengthOf(lead: number): number {
  if (lead >= 0xf0 && lead <= 0xf4) return 4
  if (lead >= 0xe0 && lead < 0xf0) return 3
  return lead >= 0xc2 && lead < 0xe0 ? 2 : 1
}

/** Returns the number of bytes at the start that end a character which began before. */
export function brokenStart(bytes: Uint8Array): number {
  let count = 0
  while (count < longest - 1 && isContinuation(bytes[count])) count++
  return count
}

/** Returns the number of bytes at the end that begin a character of which the rest is missing. */
export function brokenEnd(bytes: Uint8Array): number {
  for (let back = 1; back < longest && back <= bytes.length; back++) {
    const byte = bytes[bytes.length - back] as number
    if (!isContinuation(byte)) return lengthOf(byte) > back ? back : 0
  }
  return 0
}
