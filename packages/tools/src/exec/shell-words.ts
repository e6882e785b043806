/**
 * Reads shell text as a list of plain commands, where it is one: literal words, joined by `|`, `&&`, `||`, `;` and line ends. Everything else (expansions,
 * redirections, substitutions, comments, escapes, control structures) makes the text one that only a person can judge.
 */
import { parse } from 'unbash'

/** Characters of a longest text that is looked at, and commands in it. */
const maxCharacters = 20_000
const maxCommands = 32

/**
 * A word of which each piece is literal in every shell: bare safe characters, single quotes, double quotes without anything that is expanded. No two pieces
 * begin alike, so a match takes a time that grows with the length of the word alone.
 */
const literalWord = /^(?:[A-Za-z0-9_@%+=:,./-]|'[^']*'|"[^"$`\\!]*")+$/
const piece = /[A-Za-z0-9_@%+=:,./-]+|'[^']*'|"[^"]*"/g

/** What may stand between the words. */
const separators = /^(?:[ \t\n;]|&&|\|{1,2}(?![|&])|!(?=[ \t\n]))*$/

type Script = ReturnType<typeof parse>
type Node = Script['commands'][number]['command']
type Word = NonNullable<Extract<Node, { type: 'Command' }>['name']>

/** What was read of a text. */
interface Reading {
  readonly text: string
  readonly script: Script
  readonly commands: (readonly Word[])[]
  /** Where the words stand. What is left of the text has to be separators. */
  readonly ranges: { readonly pos: number; readonly end: number }[]
  /** Parts that are no plain command. */
  others: number
}

/** One condition of a text that a grant may cover. All have to hold. */
export interface TextRule {
  readonly name: string
  readonly holds: (reading: Reading) => boolean
}

/** The rules of shell text. Each is needed: the corpus of bypasses has a text that only this rule refuses. */
export const textRules: readonly TextRule[] = [
  { name: 'size', holds: ({ commands }) => commands.length > 0 && commands.length <= maxCommands },
  { name: 'parsed', holds: ({ script }) => (script.errors?.length ?? 0) === 0 },
  { name: 'structure', holds: (reading) => reading.others === 0 && separators.test(restOf(reading)) },
  { name: 'literal', holds: ({ commands }) => commands.every((words) => words.every(isLiteral)) },
]

/** Returns the words of each command; undefined where the text is more than plain commands. */
export function plainCommands(
  text: string,
  rules: readonly TextRule[] = textRules,
): readonly (readonly [string, ...string[]])[] | undefined {
  if (text.length > maxCharacters) return undefined
  const script = parse(text)
  const reading: Reading = { text, script, commands: [], ranges: [], others: script.shebang === undefined ? 0 : 1 }
  for (const { command, background } of script.commands) {
    if (background === true) reading.others++
    collect(command, reading)
  }
  if (!rules.every(({ holds }) => holds(reading))) return undefined
  return reading.commands.map((words) => words.map(({ value }) => value) as [string, ...string[]])
}

function collect(node: Node, reading: Reading): void {
  if (node.type === 'AndOr') for (const one of node.commands) collect(one, reading)
  else if (node.type === 'Pipeline') {
    for (const prefix of node.prefixes) if (prefix.type === 'Time') reading.ranges.push({ pos: prefix.pos, end: prefix.keywordEnd })
    for (const one of node.commands) collect(one, reading)
  } else if (node.type === 'Command' && node.name !== undefined) {
    const words = [node.name, ...node.suffix.filter((word) => word.type === 'Word')]
    // Assignments and redirections are left in the text, where they are no separators.
    reading.commands.push(words)
    reading.ranges.push(...words)
  } else reading.others++
}

/** Two readings of a word have to agree: the parser's, and that of its characters. */
function isLiteral({ text, value }: Word): boolean {
  if (!literalWord.test(text)) return false
  return [...text.matchAll(piece)].map(([part]) => (/^['"]/.test(part) ? part.slice(1, -1) : part)).join('') === value
}

function restOf({ text, ranges }: Reading): string {
  let [rest, at] = ['', 0]
  for (const { pos, end } of [...ranges].sort((a, b) => a.pos - b.pos)) {
    rest += text.slice(at, pos)
    at = Math.max(at, end)
  }
  return rest + text.slice(at)
}
