/** Servers that send an error as a field of its own, which is no field of the protocol: llama.cpp until late 2025, and llama-box. */

const field = 'error: '

/**
 * Rewrites `error: {…}` to an event of the name `error`, so that it is read like those of other servers. A field may be cut anywhere: its beginning
 * is held back until it is known.
 */
export class ErrorFields {
  #held = ''
  #isLineStart = true

  /** Returns the text to read in place of a piece of the stream. */
  rewrite(piece: string): string {
    let text = this.#held + piece
    this.#held = ''
    if (text === '') return text
    const start = lastLineOf(text)
    // Nearly every piece ends with a line, so this is rare.
    if (start < text.length && (start > 0 || this.#isLineStart) && field.startsWith(text.slice(start))) {
      this.#held = text.slice(start)
      text = text.slice(0, start)
    }
    const isLineStart = this.#isLineStart
    if (text !== '') this.#isLineStart = lastLineOf(text) === text.length
    if (!text.includes('error:')) return text
    return text.replace(/(^|[\r\n])error: ?(?=\{)/g, (found, before: string) =>
      before !== '' || isLineStart ? `${before}event: error\ndata: ` : found,
    )
  }

  /** Returns what is still held back when the stream ends. */
  end(): string {
    const held = this.#held
    this.#held = ''
    return held
  }
}

/** Returns where the last line begins; the length of the text when it ends with a line end. */
function lastLineOf(text: string): number {
  const last = text.charCodeAt(text.length - 1)
  // Nearly every piece ends so, and the search for a carriage return, which hardly any has, would read all of it.
  if (last === 10 || last === 13) return text.length
  return Math.max(text.lastIndexOf('\n'), text.lastIndexOf('\r')) + 1
}
