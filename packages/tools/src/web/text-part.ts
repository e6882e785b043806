/** A part of a long text, and how to go on. */

/** Returns a part of a text that cuts no character in two, and a note of what else there is. */
export function partOf(text: string, offset: number, maxCharacters: number): { readonly text: string; readonly note: string } {
  const begin = isLowSurrogate(text, offset) ? offset - 1 : offset
  const cut = Math.min(text.length, begin + maxCharacters)
  // A pair of its own is longer than one.
  const end = !isLowSurrogate(text, cut) ? cut : cut > begin + 1 ? cut - 1 : cut + 1
  const part = text.slice(begin, end)
  if (begin === 0 && end === text.length) return { text: part, note: '' }
  const onward = end < text.length ? ` Go on with offset ${end}.` : ' This is the end.'
  return { text: part, note: ` Characters ${begin} to ${end} of ${text.length}.${onward}` }
}

function isLowSurrogate(text: string, index: number): boolean {
  const unit = text.charCodeAt(index)
  return unit >= 0xdc00 && unit <= 0xdfff
}
