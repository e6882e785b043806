/** Reads the declarations behind the names of an entry, as text: the compiler has no interface for programs that is stable yet. */
import { dirname, resolve } from 'node:path'

/** A name that an entry exports, and where it is declared. `docstring` is the block comment right before the declaration. */
export interface ExportedDeclaration {
  readonly name: string
  readonly file: string
  readonly kind: 'class' | 'function' | 'const' | 'interface' | 'type' | 'missing'
  readonly docstring: string | undefined
}

const exportList = /export\s+(?:type\s+)?\{([^}]*)\}(?:\s*from\s*'([^']+)')?/g
const maxHops = 10

/**
 * Returns the declarations of all names that the file `entry` exports from its own package, following re-exports. Names that come from
 * another package are left out. `read` returns the text of a file.
 *
 * @example
 * ```ts
 * exportedDeclarations('packages/protocol/src/index.ts', (file) => readFileSync(file, 'utf8'))
 * ```
 */
export function exportedDeclarations(entry: string, read: (file: string) => string): readonly ExportedDeclaration[] {
  return listedNames(read(entry))
    .filter(({ from }) => from === undefined || from.startsWith('.'))
    .flatMap(({ name, original, from }) => {
      const found = find(original, from === undefined ? entry : beside(entry, from), read, maxHops)
      return found === undefined ? [] : [{ ...found, name }]
    })
}

/** Returns what is missing from a declaration's docstring; empty when nothing is. */
export function problemsOf({ name, kind, docstring }: ExportedDeclaration): readonly string[] {
  if (kind === 'missing') return [`${name}: no declaration`]
  if (docstring === undefined) return [`${name}: no docstring`]
  const needsExample = kind === 'class' || kind === 'function'
  return needsExample && !docstring.includes('@example') ? [`${name}: no @example`] : []
}

interface ListedName {
  /** What the entry calls it. */
  readonly name: string
  /** What the file that it comes from calls it. */
  readonly original: string
  readonly from: string | undefined
}

function listedNames(code: string): readonly ListedName[] {
  return [...code.matchAll(exportList)].flatMap(([, list = '', from]) =>
    list
      .split(',')
      .map((item) => item.trim().replace(/^type\s+/, ''))
      .filter((item) => item !== '')
      .map((item) => {
        const [original = '', name = original] = item.split(/\s+as\s+/)
        return { name, original, from }
      }),
  )
}

/** Undefined for a name that the file passes on from another package. */
function find(name: string, file: string, read: (file: string) => string, hops: number): ExportedDeclaration | undefined {
  const code = read(file)
  const declaration = new RegExp(
    `^(?:export\\s+)?(?:declare\\s+)?(?:abstract\\s+)?(?:async\\s+)?(class|function\\*?|const|interface|type)\\s+${name}\\b`,
    'm',
  ).exec(code)
  if (declaration !== null) {
    const kind = (declaration[1]?.replace('*', '') ?? 'missing') as ExportedDeclaration['kind']
    return { name, file, kind, docstring: docstringBefore(code.slice(0, declaration.index)) }
  }
  const next = listedNames(code).find((listed) => listed.name === name && listed.from !== undefined)
  if (next?.from?.startsWith('.') === false) return undefined
  if (next?.from === undefined || hops === 0) return { name, file, kind: 'missing', docstring: undefined }
  return find(next.original, beside(file, next.from), read, hops - 1)
}

function docstringBefore(code: string): string | undefined {
  const trimmed = code.trimEnd()
  if (!trimmed.endsWith('*/')) return undefined
  const start = `\n${trimmed}`.lastIndexOf('\n/*')
  return trimmed.startsWith('/**', start) ? trimmed.slice(start) : undefined
}

function beside(file: string, specifier: string): string {
  return resolve(dirname(file), specifier)
}
