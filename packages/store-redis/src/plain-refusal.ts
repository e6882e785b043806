/** What a server says of a command that it does not know, without the words of the command: those of a login are secret. Pure. */

const words = /,? with args beginning with\b.*$/s

/** Returns the failure; in the place of one that repeats the words of a command, one without them. */
export function plainRefusal(failure: unknown): unknown {
  if (!(failure instanceof Error) || !words.test(failure.message)) return failure
  return new Error(failure.message.replace(words, ''))
}
