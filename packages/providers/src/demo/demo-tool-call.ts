/** Decides whether the demo model calls a tool, which one, and with what input. */
import type { JsonObject, JsonValue, ProviderRequest, ToolCall, ToolDeclaration } from '@beamclaw/core'

/** What BeamClaw tells of something that has ended names things, and asks for nothing. */
const notice = /^The (?:background process|sub-agent) /

/** Returns the call that the user's text requests; deterministic, id included. */
export function findToolCall(request: ProviderRequest, text: string): ToolCall | undefined {
  if (notice.test(text)) return undefined
  const shell = shellCall(request, text)
  if (shell !== undefined) return shell
  const tool = chooseTool(request, text)
  if (tool === undefined) return undefined
  const id = `call_${hash(JSON.stringify(request.messages))}`
  const start = text.indexOf('{')
  if (start === -1) return { type: 'tool-call', id, name: tool.name, input: inputFromText(tool, text) }
  const raw = text.slice(start, text.lastIndexOf('}') + 1) || text.slice(start)
  try {
    return { type: 'tool-call', id, name: tool.name, input: JSON.parse(raw) as JsonValue }
  } catch {
    // Broken JSON is sent as a real model would, to show how BeamClaw handles it.
    return { type: 'tool-call', id, name: tool.name, input: {}, invalidInput: raw }
  }
}

/** Returns the call of a tool `exec` for a text such as "run uname -a", which names a command and no tool. */
function shellCall({ tools = [], toolChoice = 'auto', messages }: ProviderRequest, text: string): ToolCall | undefined {
  const [, command = ''] = /^run\s+([^{].*)$/is.exec(text) ?? []
  const [first = ''] = command.split(/\s/)
  const isCommand = command !== '' && !tools.some(({ name }) => name === first.toLowerCase())
  if (!isCommand || toolChoice !== 'auto' || !tools.some(({ name }) => name === 'exec')) return undefined
  return { type: 'tool-call', id: `call_${hash(JSON.stringify(messages))}`, name: 'exec', input: { command } }
}

function chooseTool({ tools = [], toolChoice = 'auto' }: ProviderRequest, text: string): ToolDeclaration | undefined {
  if (toolChoice === 'none') return undefined
  if (typeof toolChoice === 'object') return tools.find(({ name }) => name === toolChoice.name)
  const command = /\b(?:use|call|run)\s+(?:the\s+)?(?:tool\s+)?[`"']?([\w.-]+)/i.exec(text)?.[1]?.toLowerCase()
  const commanded = tools.find(({ name }) => name.toLowerCase() === command)
  // The longest name takes precedence, so that `read_file` is not taken for `read`.
  const mentioned = tools.filter(({ name }) => mentions(text, name)).sort((a, b) => b.name.length - a.name.length)[0]
  return commanded ?? mentioned ?? (toolChoice === 'required' ? tools[0] : undefined)
}

function mentions(text: string, name: string): boolean {
  return text
    .toLowerCase()
    .split(/[^\w.-]+/)
    .some((word) => word.replace(/[.-]+$/, '') === name.toLowerCase())
}

/** Fills the required properties of the tool's schema from the user's text. */
function inputFromText({ name, inputSchema }: ToolDeclaration, text: string): JsonObject {
  const properties = asObject(inputSchema.properties)
  const required = Array.isArray(inputSchema.required) ? inputSchema.required : []
  const rest = text
    .replace(/^.*?\b(?:use|call|run)\s+(?:the\s+)?(?:tool\s+)?/i, '')
    .replace(new RegExp(`^[\`"']?${escapePattern(name)}[\`"']?\\s*`, 'i'), '')
  const input: Record<string, JsonValue> = {}
  for (const property of required) {
    if (typeof property === 'string') input[property] = sample(asObject(properties[property]), rest.trim() || text)
  }
  return input
}

function sample(schema: JsonObject, text: string): JsonValue {
  if (schema.default !== undefined) return schema.default
  if (schema.const !== undefined) return schema.const
  if (Array.isArray(schema.enum))
    return schema.enum.find((value) => typeof value === 'string' && text.includes(value)) ?? schema.enum[0] ?? null
  const type = Array.isArray(schema.type) ? schema.type[0] : schema.type
  switch (type) {
    case 'number':
    case 'integer': {
      const found = Number(/-?\d+(?:\.\d+)?/.exec(text)?.[0] ?? 1)
      return type === 'integer' ? Math.trunc(found) : found
    }
    case 'boolean':
      return !/\b(false|no|off)\b/i.test(text)
    case 'array':
      return []
    case 'object':
      return {}
    case 'null':
      return null
    default:
      return text
  }
}

function asObject(value: JsonValue | undefined): JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonObject) : {}
}

function escapePattern(name: string): string {
  return name.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
}

/** FNV-1a hash: short and deterministic; these ids need not be secret. */
function hash(text: string): string {
  let value = 0x811c9dc5
  for (let index = 0; index < text.length; index++) value = Math.imul(value ^ text.charCodeAt(index), 0x01000193)
  return (value >>> 0).toString(36)
}
