/** What OpenAI's Responses API refuses in the items of the input. */
import type { JsonObject, JsonValue } from '@beamclaw/core'
import { isSealed } from '../responses-wire.ts'
import type { RefusalText } from './openai-refusal.ts'

const types: readonly string[] = [
  ...['message', 'reasoning', 'function_call', 'function_call_output', 'custom_tool_call', 'custom_tool_call_output', 'item_reference'],
  ...['file_search_call', 'web_search_call', 'code_interpreter_call', 'image_generation_call', 'computer_call', 'computer_call_output'],
  ...[
    'mcp_list_tools',
    'mcp_call',
    'mcp_approval_request',
    'mcp_approval_response',
    'compaction',
    'tool_search_call',
    'tool_search_output',
  ],
]

/** Returns the refusal of the first item that is refused. */
export function refusedInput({ input, store }: JsonObject): RefusalText | undefined {
  if (!Array.isArray(input)) return undefined
  const items = input as readonly JsonObject[]
  for (const [index, item] of items.entries()) {
    const found = refusedItem(item, `input[${index}]`, items[index + 1], store !== false)
    if (found !== undefined) return found
  }
  return refusedPairs(items)
}

function refusedItem(item: JsonObject, place: string, next: JsonObject | undefined, isStored: boolean): RefusalText | undefined {
  const { type = 'message', call_id: callId } = item
  if (typeof type !== 'string' || !types.includes(type)) {
    const supported = types.map((name) => `'${name}'`).join(', ')
    return { message: `Invalid value: '${String(type)}'. Supported values are: ${supported}.`, param: place, code: 'invalid_value' }
  }
  if (typeof callId === 'string' && callId.length > 64) {
    const length = `Expected a string with maximum length 64, but got a string with length ${callId.length} instead`
    return {
      message: `Invalid '${place}.call_id': string too long. ${length}.`,
      param: `${place}.call_id`,
      code: 'string_above_max_length',
    }
  }
  if (type === 'message') return refusedMessage(item, place)
  if (type === 'function_call') return typeof item.arguments === 'string' ? undefined : missing(`${place}.arguments`)
  return type === 'reasoning' ? refusedReasoning(item, place, next, isStored) : undefined
}

function missing(param: string): RefusalText {
  return { message: `Missing required parameter: '${param}'.`, param, code: 'missing_required_parameter' }
}

function refusedMessage({ role, content }: JsonObject, place: string): RefusalText | undefined {
  const allowed = role === 'assistant' ? ['output_text', 'refusal'] : ['input_text', 'input_image', 'input_file']
  if (!Array.isArray(content)) return undefined
  for (const [index, part] of (content as readonly JsonObject[]).entries()) {
    if (allowed.includes(String(part.type))) continue
    const supported = allowed.map((name) => `'${name}'`).join(' and ')
    const message = `Invalid value: '${String(part.type)}'. Supported values are: ${supported}.`
    return { message, param: `${place}.content[${index}]`, code: 'invalid_value' }
  }
  return undefined
}

/** github.com/openai/codex/issues/8145 (a broken text), github.com/maximhq/bifrost/issues/5410 (an id alone), the cassettes (an item without what follows it). */
function refusedReasoning(
  { id, summary, encrypted_content: encrypted }: JsonObject,
  place: string,
  next: JsonObject | undefined,
  isStored: boolean,
): RefusalText | undefined {
  if (!Array.isArray(summary)) return missing(`${place}.summary`)
  if (typeof encrypted === 'string' && !isSealed(encrypted)) {
    const shown = `${encrypted.slice(0, 4)}...${encrypted.slice(-4)}`
    const message = `The encrypted content ${shown} could not be verified. Reason: Encrypted content could not be decrypted or parsed.`
    return { message, param: place, code: 'invalid_encrypted_content' }
  }
  if (typeof id !== 'string') return undefined
  if (!isStored && encrypted === undefined) {
    const advice =
      'Items are not persisted when `store` is set to false. Try again with `store` set to true, or remove this item from your input.'
    return { message: `Item with id '${id}' not found. ${advice}`, param: 'input', code: null, status: 404 }
  }
  const follows = next !== undefined && next.role !== 'user'
  if (follows) return undefined
  return { message: `Item '${id}' of type 'reasoning' was provided without its required following item.`, param: 'input', code: null }
}

function refusedPairs(items: readonly JsonObject[]): RefusalText | undefined {
  const idsOf = (wanted: string): readonly (JsonValue | undefined)[] =>
    items.filter(({ type }) => type === wanted).map(({ call_id: callId }) => callId)
  const calls = idsOf('function_call')
  const outputs = idsOf('function_call_output')
  const unanswered = calls.find((id) => !outputs.includes(id))
  if (unanswered !== undefined)
    return { message: `No tool output found for function call ${String(unanswered)}.`, param: 'input', code: null }
  const uncalled = outputs.find((id) => !calls.includes(id))
  if (uncalled === undefined) return undefined
  return { message: `No tool call found for function call output with call_id ${String(uncalled)}.`, param: 'input', code: null }
}
