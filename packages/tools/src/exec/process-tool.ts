/** The tool that looks after background processes. */
import {
  BeamClawError,
  defineTool,
  type ProcessList,
  type ProcessOutput,
  type ProcessTable,
  type Tool,
  type ToolContext,
  type ToolPlan,
  toolResult,
} from '@beamclaw/core'
import { anObjectWith, checkOptions } from '@beamclaw/core/adapter'
import { z } from 'zod'
import { plain, shownCharacters, stateText } from './exec-output.ts'
import { markedLines } from './shown-lines.ts'

/** Options of `processTool`. */
export interface ProcessToolOptions {
  readonly processes: ProcessTable
}

const actions = ['list', 'poll', 'tail', 'read', 'write', 'keys', 'end-input', 'resize', 'kill'] as const

/** The input of `process`, as its schema parses it. */
export interface ProcessInput {
  readonly action: (typeof actions)[number]
  readonly id?: string | undefined
  readonly from?: number | undefined
  readonly waitMs?: number | undefined
  readonly text?: string | undefined
  readonly keys?: readonly string[] | undefined
  readonly columns?: number | undefined
  readonly rows?: number | undefined
}

/** Longest wait of one call, in milliseconds. */
const maxWaitMs = 60_000

/** Milliseconds until a call stops to wait for a process that does not read its input. */
const takenMs = 5_000

const processInput = z
  .strictObject({
    action: z
      .enum(actions)
      .describe(
        'list: your processes. poll: wait for more output. tail: the end. read: from a byte number. keys: press keys in its terminal.',
      ),
    id: z.string().min(1).max(64).optional().describe('Name of the process, for all actions but list.'),
    from: z.int().min(0).optional().describe('poll and read: number of the first byte; use the "next" of the last result.'),
    waitMs: z.int().min(0).max(maxWaitMs).optional().describe('poll: longest wait. Default 10000.'),
    text: z.string().min(1).max(100_000).optional().describe('write: what to write; end a line with \\n.'),
    keys: z
      .array(z.string().min(1).max(16))
      .min(1)
      .max(200)
      .optional()
      .describe('keys: such as "Enter", "Up", "C-c", or single characters.'),
    columns: z.int().min(1).max(1_000).optional().describe('resize'),
    rows: z.int().min(1).max(1_000).optional().describe('resize'),
  })
  .refine(({ action, id }) => action === 'list' || id !== undefined, { error: 'id is missing: the name of the process' })
  .refine(({ action, text }) => action !== 'write' || text !== undefined, { error: 'text is missing: what to write' })
  .refine(({ action, keys }) => action !== 'keys' || keys !== undefined, { error: 'keys are missing' })
  .refine(({ action, columns, rows }) => action !== 'resize' || (columns !== undefined && rows !== undefined), {
    error: 'columns and rows are missing',
  })

/**
 * Returns the tool `process`: an agent lists, reads, writes to and kills the processes of its own session. What it writes to a process is planned, as it may be
 * a command. Throws `invalid-option`.
 *
 * @example
 * const agent = defineAgent({ id: 'main', model, tools: [execTool({ processes, sandbox, workspace }), processTool({ processes })] })
 */
export function processTool(options: ProcessToolOptions): Tool<ProcessInput, unknown> {
  checkOptions<ProcessToolOptions>('processTool', options, { processes: anObjectWith('of', 'start') }, ['processes'])
  const { processes } = options
  return defineTool<ProcessInput>({
    name: 'process',
    description: 'Looks after the background processes of this conversation: lists them, reads their output, writes to them, ends them.',
    input: processInput,
    risk: 'high',
    maxAttempts: 1,
    timeoutMs: maxWaitMs * 2,
    plan: async (input, { tenant, sessionKey }) => planOf(input, processes.of(tenant), sessionKey),
    execute: (input, context) => execute(input, context, processes),
  })
}

/** A look, and the end of one's own process, need no permit; what is written to a process is approved each time. */
function planOf(input: ProcessInput, list: ProcessList, sessionKey: string): ToolPlan {
  const { action, id } = input
  const detail = JSON.parse(JSON.stringify(input))
  if (action !== 'write' && action !== 'keys') return { display: `${action} ${id ?? ''}`.trim(), detail, permits: [] }
  const { command } = own(list, id, sessionKey)
  const [what, text] = action === 'write' ? ['Text:', input.text ?? ''] : ['Keys:', (input.keys ?? []).join(' ')]
  const display = [`${action === 'write' ? 'Write to' : 'Press in'} ${id}`, 'It runs:', markedLines(command), what, markedLines(text)].join(
    '\n',
  )
  return { display, detail }
}

async function execute(input: ProcessInput, context: ToolContext, table: ProcessTable): Promise<ReturnType<typeof toolResult>> {
  const { sessionKey, tenant, signal } = context
  const list = table.of(tenant)
  if (input.action === 'list') return toolResult({ content: listText(list, sessionKey) })
  const { id } = own(list, input.id, sessionKey)
  const content = await act(input, id, list, signal)
  return toolResult({ content })
}

async function act(input: ProcessInput, id: string, list: ProcessList, signal: AbortSignal): Promise<string> {
  const { from = 0, waitMs = 10_000, text = '', keys = [], columns = 80, rows = 24 } = input
  switch (input.action) {
    case 'poll':
      return outputOf(list, id, await list.poll(id, { from, waitMs, maxBytes: shownCharacters, signal }))
    case 'read':
      return outputOf(list, id, list.read(id, { from, maxBytes: shownCharacters }))
    case 'write':
      return taken(list, id, list.write(id, text), `Written to ${id}. Poll it for what it prints.`)
    case 'keys':
      return taken(list, id, list.keys(id, keys), `Pressed in ${id}. Poll it for what it prints.`)
    case 'end-input':
      return taken(list, id, list.endInput(id), `The input of ${id} has ended.`)
    case 'resize':
      list.resize(id, { columns, rows })
      return `The terminal of ${id} has ${columns} columns and ${rows} rows.`
    case 'kill': {
      const before = list.get(id)
      const after = await list.kill(id)
      return before.endedAt === undefined ? stateText(after) : `${id} had ended before. ${stateText(after)}`
    }
    default:
      return outputOf(list, id, list.tail(id, shownCharacters))
  }
}

/** Resolves with `done` once the process has taken its input; a process that does not read is no reason to wait for it. */
async function taken(list: ProcessList, id: string, input: Promise<void>, done: string): Promise<string> {
  const over = list.poll(id, { waitMs: takenMs, until: 'end' })
  for (const late of [input, over]) late.catch(() => undefined)
  const isTaken = await Promise.race([input.then(() => true), over.then(() => false)])
  if (isTaken) return done
  return `${id} has not read all of its input${list.get(id).endedAt === undefined ? ' yet; the rest waits for it. Poll it for what it waits for, or kill it.' : ', and has ended.'}`
}

/** Returns a process of the session: one of another session is as unknown as one that does not exist. */
function own(list: ProcessList, id: string | undefined, sessionKey: string): ReturnType<ProcessList['get']> {
  const found = list.list({ sessionKey }).find((one) => one.id === id)
  if (found !== undefined) return found
  throw new BeamClawError('unknown-process', `There is no process "${id}" in this conversation; use action "list"`, { details: { id } })
}

function listText(list: ProcessList, sessionKey: string): string {
  const found = list.list({ sessionKey })
  if (found.length === 0) return 'There are no processes.'
  return found
    .map((one) => `${one.id}: ${stateText(one)} ${one.outputBytes} bytes of output. Command: ${one.command.slice(0, 200)}`)
    .join('\n')
}

function outputOf(list: ProcessList, id: string, { text, from, next, total, missed, isEnd }: ProcessOutput): string {
  const shown = list.get(id)
  const lost = missed > 0 ? ` ${missed} bytes before are not kept any more.` : ''
  const rest = isEnd ? 'This is the end.' : next < total ? `There is more: read from ${next}.` : `Poll from ${next} for more.`
  return `${stateText(shown)} Bytes ${from} to ${next} of ${total}.${lost} ${rest}\n${plain(text)}`
}
