/** Descriptors of this process that a child would have as well. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'

const bash = '/bin/bash'
const closeOnExec = 0o2_000_000

/** Descriptors beyond are not looked at: the table of a child has an entry for each before them. */
const maxDescriptor = 65_535

/**
 * Returns the descriptors, beside the first three, that are not closed in a child. Node closes all that it opens, and of those that its parent left open the
 * first ones without a gap; what is left was open when this process was started. Empty where the system has no `/proc`.
 */
export function inheritedDescriptors(): readonly number[] {
  if (process.platform !== 'linux') return []
  const numbers = readdirSync('/proc/self/fd').map(Number)
  return numbers.filter((descriptor) => descriptor > 2 && descriptor <= maxDescriptor && isInherited(descriptor))
}

/**
 * Returns the words in front of a command that close descriptors and become the command; none when there are none to close. Only bash closes those of more than
 * one digit: undefined where there is none.
 */
export function closingWords(descriptors: readonly number[]): readonly string[] | undefined {
  if (descriptors.length === 0) return []
  if (!existsSync(bash)) return undefined
  const closed = descriptors.map((descriptor) => `${descriptor}<&-`).join(' ')
  return [bash, '--norc', '--noprofile', '-c', `exec ${closed}; exec "$@"`, 'bash']
}

function isInherited(descriptor: number): boolean {
  try {
    const flags = /^flags:\s*([0-7]+)$/m.exec(readFileSync(`/proc/self/fdinfo/${descriptor}`, 'utf8'))?.[1]
    return flags !== undefined && (Number.parseInt(flags, 8) & closeOnExec) === 0
  } catch {
    // Closed since: the one that the folder was read by.
    return false
  }
}
