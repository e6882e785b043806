/** Names of files with `*` and `?`, matched in a time that grows with the product of both lengths at most. */

/** Returns true when the whole name matches: `*` is any text, `?` any one character. */
export function matchesName(name: string, pattern: string): boolean {
  let [at, on] = [0, 0]
  // Where the last star stands, and from where its text was tried.
  let [star, from] = [-1, 0]
  while (at < name.length) {
    if (pattern[on] === '*') {
      star = on++
      from = at
    } else if (on < pattern.length && (pattern[on] === '?' || pattern[on] === name[at])) {
      on++
      at++
    } else if (star !== -1) {
      on = star + 1
      at = ++from
    } else return false
  }
  while (pattern[on] === '*') on++
  return on === pattern.length
}
