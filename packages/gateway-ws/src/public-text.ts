/** Which part of an error's text clients may see. */

/** Maximum characters of a message. */
const maxLength = 500

// Their texts name files and directories of this machine.
const storeCodes = /^(store-|log-|fenced$|version-conflict$)/

// Paths of two segments or more, but not those of URLs.
const absolutePath = /(?<![\w.:/@-])(?:\/[\w.@%+~ -]*[\w.@%+~-]){2,}\/?|\b[A-Za-z]:\\[^\s"']+/g

// One conversation is damaged, and the others go on: no caller should take it for the end of the gateway.
const damagedText =
  'What is stored of this conversation is damaged: its journal, its settings or an attachment. Other conversations go on. The log of the gateway names the ' +
  'file; its operator can set damaged settings aside with `beamclaw doctor --repair` while it is stopped, or restore the file from a backup'

/** Returns the message of a typed error for clients: short, and without file paths. The log has the full text. */
export function publicText(code: string, message: string): string {
  if (code === 'log-corrupt') return damagedText
  if (storeCodes.test(code)) return `The store of this gateway failed (${code}); its log has the details`
  return shortened(message.slice(0, 4 * maxLength).replace(absolutePath, '<path>'))
}

/** Returns a text that may contain client input, shortened. */
export function shortened(text: string): string {
  return text.length <= maxLength ? text : `${text.slice(0, maxLength).toWellFormed()} …`
}

/** Returns true for errors whose text only the log has. */
export function isHidden(code: string): boolean {
  return storeCodes.test(code)
}
