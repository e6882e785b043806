/** Parses YAML to plain values, and refuses features that a configuration does not need. */
import { isMap, isNode, LineCounter, parseDocument, visit } from 'yaml'
import { ConfigError } from './config-error.ts'

/** Problems that are shown at most. */
const maxProblems = 50

/** Values, with their positions in the text. */
export interface YamlText {
  readonly value: unknown
  /** Returns the line of the value at a path, or of the nearest value around it; counted from 1. */
  lineOf(path: readonly (string | number)[]): number
}

/** Returns the values of one document. Throws `ConfigError`; each problem begins with `name`. */
export function readYaml(text: string, name: string): YamlText {
  const lines = new LineCounter()
  const document = parsed(text, name, lines)
  const at = (offset: number | undefined): number => lines.linePos(offset ?? 0).line
  // Only the first of many errors, without the text that it quotes: that may be a secret.
  const [error] = document.errors
  if (error !== undefined) throw new ConfigError([`${name}:${at(error.pos[0])}: ${error.message.split(/ at line \d+|\n|:? *"/)[0]}`])
  const problems: string[] = []
  visit(document, {
    Alias: (_, { range }) => void problems.push(`${name}:${at(range?.[0])}: aliases (*name) are not allowed`),
    // The library's own check for duplicate keys takes quadratic time.
    Map(_, map) {
      const seen = new Set<string>()
      for (const { key } of map.items) {
        const word = isNode(key) ? String(key.toJS(document)) : String(key)
        const line = at(isNode(key) ? key.range?.[0] : undefined)
        if (seen.has(word)) problems.push(`${name}:${line}: the key "${word.slice(0, 64)}" stands twice`)
        if (word === '__proto__') problems.push(`${name}:${line}: the key "__proto__" is not allowed`)
        seen.add(word)
      }
    },
  })
  if (problems.length > 0) throw new ConfigError(problems.slice(0, maxProblems))
  return {
    value: document.toJS() ?? {},
    lineOf(path) {
      for (let length = path.length; length > 0; length--) {
        const parent: unknown = length === 1 ? document.contents : document.getIn(path.slice(0, length - 1), true)
        const key = path[length - 1]
        const pair = isMap(parent)
          ? parent.items.find((item) => isNode(item.key) && String(item.key.toJS(document)) === String(key))
          : undefined
        const node = pair?.key ?? document.getIn(path.slice(0, length), true)
        if (isNode(node) && node.range) return at(node.range[0])
      }
      return 1
    },
  }
}

function parsed(text: string, name: string, lineCounter: LineCounter): ReturnType<typeof parseDocument> {
  try {
    return parseDocument(text, { uniqueKeys: false, lineCounter })
  } catch {
    // Thousands of nested brackets overflow the parser's stack.
    throw new ConfigError([`${name}: cannot be read as YAML: nested too deeply`])
  }
}
