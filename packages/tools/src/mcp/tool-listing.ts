/** What a server says it has, checked: names that models take, bounded texts, schemas that can be used. */
import { createHash } from 'node:crypto'
import type { JsonObject } from '@beamclaw/core'
import type { Tool as ServerTool } from '@modelcontextprotocol/client'
import type { ListedByServer } from './mcp-connection.ts'
import { wordsOf } from './mcp-errors.ts'
import { schemaProblem } from './schema-check.ts'

/** A tool of a server, ready to become one of an agent. */
export interface ListedTool {
  /** As the model calls it: `mcp__<server>__<tool>`. */
  readonly name: string
  /** As the server calls it. */
  readonly serverName: string
  readonly description: string
  readonly inputSchema: JsonObject
  readonly isReadOnly: boolean
  readonly isIdempotent: boolean
  /** As the server sent it. */
  readonly definition: ServerTool
}

/** What was listed of a server, and what was left out. */
export interface ToolListing {
  readonly tools: readonly ListedTool[]
  /** One sentence for each tool that was refused. */
  readonly problems: readonly string[]
}

const maxName = 64
const maxDescription = 2_000
const maxProblems = 50

/** Returns the tools of a server that can be used. `taken` holds names that tools of this package have. */
export function toolListing(
  server: string,
  { tools, unreadable }: ListedByServer,
  maxTools: number,
  taken: readonly string[],
): ToolListing {
  const listed = new Map<string, ListedTool>()
  const problems = unreadable.slice(0, maxProblems)
  const note = (problem: string): void => {
    if (problems.length < maxProblems) problems.push(problem)
  }
  if (tools.length > maxTools) note(`${tools.length - maxTools} tools beyond ${maxTools} are left out.`)
  for (const definition of tools.slice(0, maxTools)) {
    const shown = wordsOf(definition.name, 80)
    const name = toolName(server, definition.name)
    const problem =
      listed.has(name) || taken.includes(name) ? `its name is "${name}", as that of another` : schemaProblem(definition.inputSchema)
    if (problem !== undefined) note(`Tool "${shown}" is left out: ${problem}.`)
    else listed.set(name, listedTool(server, name, definition))
  }
  return { tools: [...listed.values()], problems }
}

function listedTool(server: string, name: string, definition: ServerTool): ListedTool {
  const { annotations, description, title } = definition
  const about = wordsOf(description ?? title ?? '', maxDescription)
  return {
    name,
    serverName: definition.name,
    description: about === '' ? `A tool of the MCP server ${server}` : about,
    inputSchema: definition.inputSchema as JsonObject,
    isReadOnly: annotations?.readOnlyHint === true,
    isIdempotent: annotations?.readOnlyHint === true || annotations?.idempotentHint === true,
    definition,
  }
}

/**
 * Returns the name that models get. Other characters than they take become `_`, and a long name is cut; such a name ends with a hash of the whole, so that
 * two tools do not become one.
 */
function toolName(server: string, name: string): string {
  const prefix = `mcp__${server}__`
  const plain = name.replaceAll(/[^A-Za-z0-9_-]/g, '_')
  if (plain === name && name !== '' && prefix.length + name.length <= maxName) return `${prefix}${name}`
  const hash = createHash('sha256').update(name).digest('hex').slice(0, 8)
  return `${prefix}${plain.slice(0, maxName - prefix.length - hash.length - 1)}_${hash}`
}
