/** Maps a store key to a path and back: one path component for each part, readable where that is safe on every file system. */
import { createHash } from 'node:crypto'

const readable = /^[a-z0-9_@+=][a-z0-9_@+=-]*$/
// Device names of Windows, and the directory of the write-ahead log; compared without case, because some file systems fold it.
const reserved = /^(?:con|prn|aux|nul|com[0-9]|lpt[0-9]|wal)$/
const hashed = /^[a-z0-9_@+=%-]{1,64}~[0-9a-f]{40}$/
const longestComponent = 120
const readablePrefix = 60

/** Returns the path component of one part of a key. Different parts have different components. */
export function encodePart(part: string): string {
  if (part.length <= longestComponent && readable.test(part) && !reserved.test(part)) return part
  let encoded = ''
  for (let index = 0; index < part.length; index++) {
    const character = part.charAt(index)
    const isPlain = index === 0 ? readable.test(character) && !reserved.test(part) : readable.test(character) || character === '-'
    encoded += isPlain ? character : escapeUnit(part.charCodeAt(index))
  }
  if (encoded.length <= longestComponent) return encoded
  const hash = createHash('sha256').update(Buffer.from(part, 'utf16le')).digest('hex').slice(0, 40)
  return `${encoded.slice(0, readablePrefix)}~${hash}`
}

/** Returns the part of a component; `'hashed'` when only the files below it hold the part; undefined for a foreign name. */
export function decodePart(component: string): { readonly part: string } | 'hashed' | undefined {
  if (hashed.test(component)) return 'hashed'
  const part = component.replace(/%(?:u([0-9a-f]{4})|([0-9a-f]{2}))/g, (_, wide?: string, narrow?: string) =>
    String.fromCharCode(Number.parseInt(wide ?? narrow ?? '', 16)),
  )
  return part !== '' && encodePart(part) === component ? { part } : undefined
}

function escapeUnit(unit: number): string {
  return unit < 0x100 ? `%${unit.toString(16).padStart(2, '0')}` : `%u${unit.toString(16).padStart(4, '0')}`
}
