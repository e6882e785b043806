/** Reads the front matter of `SKILL.md`: YAML of few features, within limits. Pure. */
import { isMap, isNode, isScalar, parseDocument, visit } from 'yaml'

/** Most bytes of the front matter, and deepest nesting: a parser takes time with each. */
const maxBytes = 16 * 1024
const maxDepth = 8

/** A `SKILL.md` in its two parts. */
export interface FrontMatter {
  readonly fields: Readonly<Record<string, unknown>>
  readonly body: string
}

/** Thrown for a `SKILL.md` that cannot be used. */
export class SkillFormatError extends Error {
  override readonly name = 'SkillFormatError'
}

const fence = /^---[ \t]*$/

/** Returns the parts of a file. Throws `SkillFormatError`. */
export function readFrontMatter(text: string): FrontMatter {
  const lines = text.replace(/^\ufeff/, '').split(/\r\n|\n|\r/)
  if (!fence.test(lines[0] ?? ''))
    throw new SkillFormatError('SKILL.md must begin with front matter: a line "---", fields, and a line "---"')
  const end = lines.findIndex((line, index) => index > 0 && fence.test(line))
  if (end < 0) throw new SkillFormatError('the front matter has no end: a line "---" is missing')
  const yaml = lines.slice(1, end).join('\n')
  const bytes = Buffer.byteLength(yaml)
  if (bytes > maxBytes) throw new SkillFormatError(`the front matter has ${bytes} bytes, and may have ${maxBytes}`)
  return {
    fields: fieldsOf(yaml),
    body: lines
      .slice(end + 1)
      .join('\n')
      .trim(),
  }
}

function fieldsOf(yaml: string): Readonly<Record<string, unknown>> {
  const document = parsed(yaml)
  const [error] = document.errors
  if (error?.message.includes('call stack') === true) throw tooDeep()
  if (error !== undefined) throw new SkillFormatError(`the front matter is not YAML: ${error.message.split('\n')[0]}`)
  visit(document, {
    Alias: () => {
      throw new SkillFormatError('the front matter has an alias (*name), which is not allowed')
    },
    Node: (_, node, path) => {
      if ('tag' in node && typeof node.tag === 'string' && node.tag !== '')
        throw new SkillFormatError(`the front matter has the tag ${node.tag.slice(0, 64)}, which is not allowed`)
      if (path.length > maxDepth * 2) throw tooDeep()
    },
    Map: (_, map) => {
      // The library's own check takes quadratic time.
      const seen = new Set<string>()
      for (const { key } of map.items) {
        if (!isScalar(key) && isNode(key)) throw new SkillFormatError('the front matter has a key that is no text')
        const word = String(isScalar(key) ? key.value : key)
        if (seen.has(word)) throw new SkillFormatError(`the key "${word.slice(0, 64)}" stands twice`)
        if (word === '__proto__') throw new SkillFormatError('the key "__proto__" is not allowed')
        seen.add(word)
      }
    },
  })
  if (!isMap(document.contents)) throw new SkillFormatError('the front matter must have fields, such as "name: value"')
  return document.toJS({ maxAliasCount: 0 }) as Readonly<Record<string, unknown>>
}

function parsed(yaml: string): ReturnType<typeof parseDocument> {
  try {
    return parseDocument(yaml, { uniqueKeys: false, strict: true, merge: false })
  } catch {
    throw tooDeep()
  }
}

/** Thousands of nested brackets overflow the parser's stack. */
function tooDeep(): SkillFormatError {
  return new SkillFormatError(`the front matter is nested more than ${maxDepth} deep`)
}
