/** Lists of tools by name, with `*` for any characters. Pure. */
import type { Tool } from './tool.ts'

/** Which tools may be called. */
export interface ToolLists {
  /** Patterns of names; others may not be called. @default all */
  readonly allowedTools?: readonly string[]
  /** Patterns of names that may not be called, whatever allows them. @default none */
  readonly deniedTools?: readonly string[]
}

/** The rule of an option: a list of patterns. */
export function aToolList(value: unknown): string | undefined {
  const isList =
    Array.isArray(value) && value.length <= 1_000 && value.every((one) => typeof one === 'string' && /^[A-Za-z0-9_*-]{1,64}$/.test(one))
  return isList ? undefined : 'a list of tool names, in which * stands for any characters'
}

/** Returns whether the lists allow a tool. */
export function isAllowed(name: string, { allowedTools, deniedTools = [] }: ToolLists): boolean {
  return (
    (allowedTools === undefined || allowedTools.some((pattern) => fits(name, pattern))) &&
    !deniedTools.some((pattern) => fits(name, pattern))
  )
}

/** Returns the tools that the lists allow; the same map where they allow all. */
export function allowedTools(tools: ReadonlyMap<string, Tool>, lists: ToolLists): ReadonlyMap<string, Tool> {
  if (lists.allowedTools === undefined && lists.deniedTools === undefined) return tools
  return new Map([...tools].filter(([name]) => isAllowed(name, lists)))
}

/** The pieces between the asterisks occur in this order; the first begins the name and the last ends it. */
function fits(name: string, pattern: string): boolean {
  const [first = '', ...rest] = pattern.split('*')
  const last = rest.pop()
  if (last === undefined) return name === pattern
  if (!name.startsWith(first) || name.length < first.length + last.length || !name.endsWith(last)) return false
  let at = first.length
  for (const piece of rest) {
    const found = name.indexOf(piece, at)
    if (found < 0) return false
    at = found + piece.length
  }
  return at + last.length <= name.length
}
