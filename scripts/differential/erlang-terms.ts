/** Writes plain data as Erlang terms, for `file:consult`. */

/** An atom, an integer, `{ text }` for a binary, `{ tuple }`, a list, or any other object for a map with atoms as keys. */
export type Term = string | number | boolean | { readonly text: string } | { readonly tuple: readonly Term[] } | readonly Term[] | TermMap

export interface TermMap {
  readonly [key: string]: Term
}

/** Returns the term in Erlang's notation. */
export function erlangTerm(term: Term): string {
  if (typeof term === 'number') return String(term)
  if (typeof term === 'boolean') return String(term)
  if (typeof term === 'string') return `'${term}'`
  if (Array.isArray(term)) return `[${term.map(erlangTerm).join(', ')}]`
  if (isTuple(term)) return `{${term.tuple.map(erlangTerm).join(', ')}}`
  if (isText(term)) return `<<"${term.text}">>`
  return `#{${Object.entries(term)
    .map(([key, value]) => `'${key}' => ${erlangTerm(value)}`)
    .join(', ')}}`
}

function isTuple(term: Term): term is { readonly tuple: readonly Term[] } {
  return typeof term === 'object' && 'tuple' in term
}

function isText(term: Term): term is { readonly text: string } {
  return typeof term === 'object' && 'text' in term
}
