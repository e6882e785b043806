/** How much memory a message is likely to hold, well enough to bound a mailbox. */
const visitLimit = 2_000

/** Estimated bytes: one a character, 8 a number, 16 an object and 8 each of its fields; what lies beyond 2,000 values counts as 64 each. */
export function estimateSize(value: unknown): number {
  switch (typeof value) {
    case 'string':
      return value.length + 16
    case 'object':
      return value === null ? 8 : sizeOfObject(value)
    default:
      return 8
  }
}

function sizeOfObject(root: object): number {
  let bytes = 0
  let visits = 0
  const pending: object[] = [root]
  for (let item = pending.pop(); item !== undefined; item = pending.pop()) {
    if (++visits > visitLimit) return bytes + 64 * (pending.length + 1)
    if (ArrayBuffer.isView(item) || item instanceof ArrayBuffer) {
      bytes += item.byteLength
      continue
    }
    bytes += 16
    for (const key in item) {
      bytes += 8
      const field = (item as Record<string, unknown>)[key]
      if (typeof field === 'string') bytes += field.length
      else if (typeof field === 'object' && field !== null) pending.push(field)
    }
  }
  return bytes
}
