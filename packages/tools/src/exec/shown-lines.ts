/** Lines of what a person approves: facts, and text of others that cannot be taken for one. */

/** Returns a fact as one line. A path may have a line end in its name. */
export function factLine(fact: string): string {
  return fact.replaceAll('\n', '\\u{a}')
}

/** Returns a text with a mark before each line. */
export function markedLines(text: string): string {
  return text.replaceAll(/^|\n/g, (start) => `${start}| `)
}
