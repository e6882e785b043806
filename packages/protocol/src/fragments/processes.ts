/** The methods `processes.*`: background processes of tools. */
import * as z from 'zod'
import { defineMethods } from '../define-methods.ts'
import { count, nonEmpty, timestamp } from '../primitives.ts'

const processId = nonEmpty.max(128)

/** A background process. */
const processRow = z.strictObject({
  id: nonEmpty,
  sessionKey: nonEmpty,
  agentId: nonEmpty,
  /** The command line, for people. */
  command: z.string(),
  sandbox: nonEmpty,
  cwd: z.string(),
  status: z.enum(['starting', 'running', 'exited', 'killed', 'stopped', 'lost']),
  isBackground: z.boolean(),
  hasTerminal: z.boolean(),
  pid: count.optional(),
  startedAtMs: timestamp,
  endedAtMs: timestamp.optional(),
  exitCode: z.int().optional(),
  signal: z.string().optional(),
  /** Processes of it that could not be ended. */
  survivors: count.optional(),
  outputBytes: count,
})

const output = z.strictObject({
  id: nonEmpty,
  text: z.string(),
  /** Number of the first byte of the text. */
  from: count,
  /** The `from` of the next read. */
  next: count,
  total: count,
  /** Bytes that were asked for and are no longer kept. */
  missed: count,
  /** True when the process has ended and the text is the end of its output. */
  isEnd: z.boolean(),
})

const listParams = z.strictObject({
  /** A whole key. */
  sessionKey: nonEmpty.max(1_024).optional(),
  agentId: nonEmpty.max(64).optional(),
  running: z.boolean().optional(),
})

const idOnly = z.strictObject({ id: processId })

const readParams = z.strictObject({
  id: processId,
  /** Number of the first byte. @default 0 */
  from: count.optional(),
  maxBytes: z.int().min(64).max(1_048_576).optional(),
  /** Milliseconds to wait for output after `from`. @default 0 */
  waitMs: z.int().min(0).max(25_000).optional(),
})

const tailParams = z.strictObject({ id: processId, maxBytes: z.int().min(64).max(1_048_576).optional() })

const writeParams = z.strictObject({ id: processId, text: z.string().max(1_000_000), endInput: z.boolean().optional() })

/** Fragment of the methods `processes.*`. `processes.changed` tells of one that runs, goes to the background or has ended. What is written to a process is a command too, so it needs the scope of approvals. */
export const processMethods = defineMethods(
  {
    'processes.list': { scope: 'operator.read', params: listParams, result: z.strictObject({ processes: z.array(processRow) }) },
    'processes.get': { scope: 'operator.read', params: idOnly, result: processRow },
    'processes.tail': { scope: 'operator.read', params: tailParams, result: output },
    'processes.read': { scope: 'operator.read', params: readParams, result: output },
    'processes.write': { scope: 'operator.approvals', params: writeParams, result: idOnly },
    'processes.kill': { scope: 'operator.write', params: idOnly, result: processRow },
  },
  { events: { 'processes.changed': { scope: 'operator.read', payload: processRow } } },
)

/** A background process. */
export type ProcessRow = z.infer<typeof processRow>
