/** The size of records, estimated without making their text. Pure. */

/** About the bytes that a session takes. */
export interface SessionSize {
  /** Of its records. */
  journal: number
  /** Of the attachments that they refer to, each as often as it is named. */
  attachments: number
}

/** About the head of a record: its number, type, id and time. */
const bytesPerRecord = 64

/** Adds the record of an entry to a size. */
export function addRecord(size: SessionSize, entry: object): void {
  size.journal += bytesPerRecord + sizeOf(entry, size)
}

function sizeOf(value: unknown, whole: SessionSize): number {
  if (typeof value === 'string') return value.length + 3
  if (typeof value !== 'object' || value === null) return 6
  let size = 2
  if (Array.isArray(value)) for (const element of value as readonly unknown[]) size += sizeOf(element, whole)
  else for (const name in value) size += name.length + 4 + sizeOf((value as Readonly<Record<string, unknown>>)[name], whole)
  const { blob, size: bytes } = value as { readonly blob?: unknown; readonly size?: unknown }
  if (typeof blob === 'string' && typeof bytes === 'number') whole.attachments += bytes
  return size
}
