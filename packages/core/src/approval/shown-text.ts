/** Text as a person who decides must see it: nothing hidden, nothing reordered. Pure. */

/** Control, format (bidirectional, zero-width, tags), line-separating, private and lone surrogate characters. */
const hidden = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Co}\p{Cs}]/gu

/** Fillers and variation selectors: letters and marks that show as nothing. */
const blank = /\u115F|\u1160|\u2800|\u3164|\uFFA0|[\u{FE00}-\u{FE0F}]|[\u{E0100}-\u{E01EF}]|\u034F|\u17B4|\u17B5/gu

/** Spaces that look like the usual one. */
const oddSpace = /[^\S \t\n]/gu

/** Returns the text with every hidden character as `\u{…}`. Line ends and tabs stay. */
export function shownText(text: string): string {
  const escaped = (found: string): string => (found === '\n' || found === '\t' ? found : `\\u{${(found.codePointAt(0) ?? 0).toString(16)}}`)
  return text.replace(hidden, escaped).replace(blank, escaped).replace(oddSpace, escaped)
}
