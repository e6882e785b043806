/** Judges the bytes of a request as the services would: Returns each rule that it breaks. Pure. */

/** The two wire formats. */
export type WireFormat = 'anthropic' | 'openai'

type Fields = Readonly<Record<string, unknown>>

/** Returns the broken rules of one request's body, none for a request that the service takes. */
export function judgeRequest(format: WireFormat, text: string): readonly string[] {
  const body = JSON.parse(text) as Fields
  const broken = new Set<string>()
  const check = (holds: boolean, rule: string): void => void (holds || broken.add(rule))
  checkText(body, check)
  if (format === 'anthropic') judgeAnthropic(body, check)
  else judgeOpenAi(body, check)
  return [...broken]
}

type Check = (holds: boolean, rule: string) => void

function checkText(value: unknown, check: Check): void {
  if (typeof value === 'string') return check(value.isWellFormed(), 'text is well-formed Unicode')
  if (typeof value !== 'object' || value === null) return
  for (const [name, inner] of Object.entries(value)) {
    check(name.isWellFormed(), 'names of fields are well-formed Unicode')
    checkText(inner, check)
  }
}

// ---- Anthropic

function judgeAnthropic(body: Fields, check: Check): void {
  const messages = listOf(body.messages)
  check(messages.length > 0, 'there are messages')
  check(messages[0]?.role === 'user', 'the first message is of the user')
  check(messages.at(-1)?.role === 'user', 'the last message is of the user')
  for (const [index, message] of messages.entries()) {
    check(index === 0 || messages[index - 1]?.role !== message.role, 'roles alternate')
    const blocks = listOf(message.content)
    check(blocks.length > 0, 'a message has content')
    for (const block of blocks) judgeBlock(block, check)
    judgePairs(blocks, listOf(messages[index - 1]?.content), listOf(messages[index + 1]?.content), check)
    const last = blocks.at(-1)?.type
    check(message.role !== 'assistant' || !isThinking(last), 'the last block of an assistant message is not thinking')
  }
  const blocks = messages.flatMap(({ content }) => listOf(content))
  const uses = blocks.filter(({ type }) => type === 'tool_use')
  check(new Set(uses.map(({ id }) => id)).size === uses.length, 'ids of tool calls are unique')
  const isWithTools = blocks.some(({ type }) => type === 'tool_use' || type === 'tool_result')
  check(!isWithTools || listOf(body.tools).length > 0, 'tools are declared where the history holds tool calls')
  judgeThinking(body, messages, check)
  const names = listOf(body.tools).map(({ name }) => name)
  check(new Set(names).size === names.length, 'names of tools are unique')
  for (const { text } of listOf(body.system)) check(!isBlank(text), 'a system text is not blank')
}

function judgeBlock({ type, text, id, tool_use_id, name, content, is_error, signature, cache_control }: Fields, check: Check): void {
  if (type === 'text') check(!isBlank(text), 'a text block is not blank')
  if (type === 'tool_use') {
    check(/^[\w-]{1,128}$/.test(String(id)), 'the id of a tool call has only letters, digits, _ and -')
    check(/^[\w-]{1,128}$/.test(String(name)), 'the name of a tool call has only letters, digits, _ and -')
  }
  if (type === 'thinking') check(typeof signature === 'string' && signature !== '', 'thinking has its signature')
  check(cache_control === undefined || !isThinking(type), 'thinking has no cache_control')
  if (type !== 'tool_result') return
  check(/^[\w-]{1,128}$/.test(String(tool_use_id)), 'the id of a tool result has only letters, digits, _ and -')
  for (const inner of listOf(content)) {
    judgeBlock(inner, check)
    check(is_error !== true || inner.type === 'text', 'a failed tool result holds text only')
  }
}

function judgePairs(blocks: readonly Fields[], before: readonly Fields[], after: readonly Fields[], check: Check): void {
  const uses = blocks.filter(({ type }) => type === 'tool_use').map(({ id }) => id)
  const results = after.slice(0, uses.length).map(({ tool_use_id }) => tool_use_id)
  check(sameElements(uses, results), 'the results of all tool calls come first in the next message')
  const answered = blocks.filter(({ type }) => type === 'tool_result').map(({ tool_use_id }) => tool_use_id)
  const asked = before.filter(({ type }) => type === 'tool_use').map(({ id }) => id)
  check(sameElements(answered, asked), 'each tool result belongs to a call of the message before, once')
}

function judgeThinking(body: Fields, messages: readonly Fields[], check: Check): void {
  const thinking = body.thinking as Fields | undefined
  if (thinking?.type !== 'enabled') return
  check(Number(body.max_tokens) > Number(thinking.budget_tokens), 'max_tokens is more than the thinking budget')
  const isInToolLoop = listOf(messages.at(-1)?.content).some(({ type }) => type === 'tool_result')
  if (!isInToolLoop) return
  check(isThinking(listOf(messages.at(-2)?.content)[0]?.type), 'with a thinking budget, a turn that calls tools begins with thinking')
}

function isThinking(type: unknown): boolean {
  return type === 'thinking' || type === 'redacted_thinking'
}

// ---- OpenAI

function judgeOpenAi(body: Fields, check: Check): void {
  const messages = listOf(body.messages)
  check(
    messages.some(({ role }) => role === 'user'),
    'there is a message of the user',
  )
  check(messages.at(-1)?.role !== 'assistant', 'the last message is not of the assistant')
  check(body.tools === undefined || listOf(body.tools).length > 0, 'tools are left out or not empty')
  let open: unknown[] = []
  for (const message of messages) {
    const { role, content, tool_calls, tool_call_id } = message
    if (role === 'tool') {
      check(open.includes(tool_call_id), 'each tool message answers a call of the message before, once')
      check(typeof content === 'string', 'a tool message holds text')
      open = open.filter((id) => id !== tool_call_id)
      continue
    }
    check(open.length === 0, 'all tool calls are answered before the next message')
    check(role !== 'assistant' || content !== null || tool_calls !== undefined, 'an assistant message has content or calls')
    check(role === 'assistant' || content !== '', 'a message is not empty')
    if (Array.isArray(content)) {
      check(content.length > 0, 'a message has content')
      for (const { type, text } of listOf(content)) check(type !== 'text' || text !== '', 'a text part is not empty')
    }
    open = listOf(tool_calls).map(({ id }) => id)
    check(new Set(open).size === open.length, 'ids of tool calls are unique')
    for (const call of listOf(tool_calls)) judgeCall(call, check)
  }
  check(open.length === 0, 'all tool calls are answered')
}

function judgeCall({ id, function: called }: Fields, check: Check): void {
  const { name, arguments: input } = (called ?? {}) as Fields
  check(typeof id === 'string' && id.length > 0 && id.length <= 40, 'the id of a tool call has 1 to 40 characters')
  check(/^[\w-]{1,64}$/.test(String(name)), 'the name of a tool call has up to 64 letters, digits, _ and -')
  check(typeof input === 'string' && isJson(input), 'the arguments of a tool call are JSON')
}

// ---- values

function listOf(value: unknown): readonly Fields[] {
  return Array.isArray(value) ? (value as readonly Fields[]) : []
}

function isBlank(value: unknown): boolean {
  return typeof value !== 'string' || value.trim() === ''
}

function sameElements(a: readonly unknown[], b: readonly unknown[]): boolean {
  return a.length === b.length && a.every((element) => b.includes(element)) && new Set(b).size === b.length
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}
