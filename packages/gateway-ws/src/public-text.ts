/** What of an error's text clients are told. */

/** Characters of a message. */
const maxLength = 500

// Their texts name files and directories of this machine.
const storeCodes = /^(store-|log-|fenced$|version-conflict$)/

// Two segments or more, and no part of an address on the web.
const absolutePath = /(?<![\w.:/@-])(?:\/[\w.@%+~ -]*[\w.@%+~-]){2,}\/?|\b[A-Za-z]:\\[^\s"']+/g

/** The message of a typed error for clients: short, and without paths of this machine. The operator finds the whole text in the log. */
export function publicText(code: string, message: string): string {
  if (storeCodes.test(code)) return `The store of this gateway failed (${code}); its log says more`
  return shortened(message.slice(0, 4 * maxLength).replace(absolutePath, '<path>'))
}

/** A text that may hold what a client sent, however much that was. */
export function shortened(text: string): string {
  return text.length <= maxLength ? text : `${text.slice(0, maxLength).toWellFormed()} …`
}

/** True for errors whose text only the log has. */
export function isHidden(code: string): boolean {
  return storeCodes.test(code)
}
