/** Text of a file, with what has to stay when it is changed: its byte order mark and its line ends. */
import { fileFailed } from './file-errors.ts'

/** A decoded file. */
export interface TextFile {
  /** Without the mark. */
  readonly text: string
  readonly hasMark: boolean
}

/** Returns the text of a file in UTF-8. Throws `tool-failed` for any other file. */
export function decodeFile(path: string, bytes: Uint8Array): TextFile {
  if (isBinary(bytes)) throw fileFailed(path, `it is binary (${bytes.length} bytes), not text`)
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
    return text.startsWith('\ufeff') ? { text: text.slice(1), hasMark: true } : { text, hasMark: false }
  } catch (cause) {
    throw fileFailed(path, 'it is not UTF-8, and would be damaged', cause)
  }
}

/** Returns the bytes of a text. */
export function encodeFile({ text, hasMark }: TextFile): Buffer {
  return Buffer.from(hasMark ? `\ufeff${text}` : text)
}

/** Returns true when the first bytes hold a NUL. */
export function isBinary(bytes: Uint8Array): boolean {
  return bytes.subarray(0, 8192).includes(0)
}
