/** The lint of rule 10: finds the phrases that comments, messages and docs pages must not use, and says what to write instead. */

/** One phrase that is out, the words that replace it, and a line that breaks the rule. */
export interface PhraseRule {
  readonly name: string
  readonly pattern: RegExp
  readonly instead: string
  /** A line of text that the pattern must find. */
  readonly plant: string
}

/** One line that breaks a rule. `line` counts from 1. */
export interface PhraseFinding {
  readonly path: string
  readonly line: number
  readonly rule: string
  readonly message: string
}

/** The phrases that are out. A pattern sees one line of comment, message or page at a time. */
export const phraseRules: readonly PhraseRule[] = [
  {
    name: 'docstring-answers',
    pattern: /^\s*(?:\/\*\*|\/\/|\*)\s*Answers\b/,
    instead: 'begin with "Returns …" or "Resolves with …"',
    plant: '/** Answers the key of a session. */',
  },
  {
    name: 'answers-with',
    pattern: /\banswers with\b/i,
    instead: 'write "returns", "resolves with" or "responds with"',
    plant: '// The lookup answers with the first entry.',
  },
  {
    name: 'says-nothing-else',
    pattern: /\bsays nothing else\b/i,
    instead: 'write "Defaults for X."',
    plant: '/** What a bus uses that says nothing else. */',
  },
  ...['whoever', 'somebody', 'everybody', 'nobody'].map((word) => ({
    name: word,
    pattern: new RegExp(`\\b${word}\\b`, 'i'),
    instead: 'name the subject: the caller, the store, the gateway, another process',
    plant: `// It is kept for ${word} until the end.`,
  })),
  {
    name: 'those-who',
    pattern: /\bthose who\b/i,
    instead: 'name the subject: the callers, the subscribers, the clients',
    plant: '/** Those who wait see the rejection. */',
  },
]

/** Folders whose text was not revised yet. Empty it: revise a folder, then take it off. */
export const notRevised: readonly string[] = []

/**
 * Returns every line of a file that breaks a rule: all lines of a page (`.md`), the comments of a test, comments and messages of any other
 * program. Names in code and texts of one word are left alone.
 *
 * @example
 * ```ts
 * phraseFindings('src/a.ts', '// Nobody waits here.') // → [{ path: 'src/a.ts', line: 1, rule: 'nobody', message: … }]
 * ```
 */
export function phraseFindings(path: string, text: string): readonly PhraseFinding[] {
  const lines = text.split('\n')
  const searched = path.endsWith('.md') ? lines : textsOf(lines, !path.endsWith('.test.ts'))
  return searched.flatMap((content, index) =>
    phraseRules
      .filter(({ pattern }) => pattern.test(content))
      .map(({ name, instead }) => ({ path, line: index + 1, rule: name, message: `${content.trim()} — ${instead}` })),
  )
}

/** Returns the comment or, with `hasMessages`, the messages in each line. A comment after code must have a space before its slashes. */
function textsOf(lines: readonly string[], hasMessages: boolean): readonly string[] {
  let isInside = false
  return lines.map((line) => {
    if (!isInside && !/^\s*\/\*/.test(line)) return /(?:^|\s)(\/\/ .*)$/.exec(line)?.[1] ?? (hasMessages ? messagesIn(line) : '')
    isInside = !line.includes('*/')
    return line
  })
}

/** Returns the quoted texts of more than one word in a line of code, without the code inside templates. */
function messagesIn(line: string): string {
  return [...line.matchAll(/'[^']*\s[^']*'|"[^"]*\s[^"]*"|`[^`]*\s[^`]*`/g)].join(' ').replaceAll(/\$\{[^}]*\}/g, '')
}
