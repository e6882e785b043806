/** Takes out of a list of tools what the client of the protocol cannot read: it would refuse the whole list for one of them. */
import { wordsOf } from './mcp-errors.ts'
import { schemaProblem } from './schema-check.ts'

/** What is left of a list. */
export interface ReadableTools {
  readonly tools: readonly unknown[]
  /** One sentence for each tool that was taken out. */
  readonly problems: readonly string[]
}

const maxProblems = 50

/** Returns the tools of a list for which `isReadable` returns true, and why each of the others cannot be used. */
export function readableTools(tools: readonly unknown[], isReadable: (tool: unknown) => boolean): ReadableTools {
  const kept: unknown[] = []
  const problems: string[] = []
  for (const [index, tool] of tools.entries()) {
    if (isReadableSafely(tool, isReadable)) kept.push(tool)
    else if (problems.length < maxProblems) problems.push(`Tool ${shownName(tool, index)} is left out: ${problemOf(tool)}.`)
  }
  return { tools: kept, problems }
}

/** A description that is nested deep enough overflows the stack of a check that walks through it. */
function isReadableSafely(tool: unknown, isReadable: (tool: unknown) => boolean): boolean {
  try {
    return isReadable(tool)
  } catch {
    return false
  }
}

function problemOf(tool: unknown): string {
  const { name, inputSchema } = fieldsOf(tool)
  if (typeof name !== 'string') return 'it has no name'
  return schemaProblem(inputSchema) ?? 'it is not described as the protocol describes tools'
}

function shownName(tool: unknown, index: number): string {
  const { name } = fieldsOf(tool)
  return typeof name === 'string' ? `"${wordsOf(name, 80)}"` : `number ${index + 1}`
}

function fieldsOf(tool: unknown): { readonly name?: unknown; readonly inputSchema?: unknown } {
  return typeof tool === 'object' && tool !== null ? tool : {}
}
