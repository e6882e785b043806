/** The options of a table of processes. */
import { anArray, anObjectWith, checkOptions, duration, integer, oneOf } from '@beamclaw/actor/internal'
import type { QueueMode } from '../agent/session-settings.ts'
import { BeamClawError } from '../base/errors.ts'
import type { Sandbox } from '../ports/sandbox.ts'

/** Options of a `ProcessTable`. */
export interface ProcessTableOptions {
  /** Where processes run: each has an id of its own. */
  readonly sandboxes: readonly Sandbox[]
  /** Processes that a session may have at a time. As many ended ones are kept. @default 20 */
  readonly maxPerSession?: number
  /** Processes that a tenant may have at a time. As many ended ones are kept. @default 200 */
  readonly maxPerTenant?: number
  /** Milliseconds for which an ended process is kept. @default 3600000 */
  readonly keepFinishedMs?: number
  /** Bytes of output that are kept of each process. @default 204800 */
  readonly ringBytes?: number
  /** Milliseconds that a process has to end by itself before it is forced. @default 5000 */
  readonly killAfterMs?: number
  /** What the message of an end does to a session that is busy. @default 'collect' */
  readonly queueMode?: QueueMode
}

/** Defaults for a table of processes. */
const processTableDefaults = {
  maxPerSession: 20,
  maxPerTenant: 200,
  keepFinishedMs: 3_600_000,
  ringBytes: 204_800,
  killAfterMs: 5_000,
  queueMode: 'collect',
} as const satisfies Partial<ProcessTableOptions>

/** Options with all defaults, and the sandboxes by id. */
export interface ProcessSettings extends Required<Omit<ProcessTableOptions, 'sandboxes'>> {
  readonly sandboxes: ReadonlyMap<string, Sandbox>
}

const aSandbox = anObjectWith('probe', 'prepare', 'spawn')

/** Returns the checked options. Throws `invalid-option`. */
export function processSettings(options: ProcessTableOptions): ProcessSettings {
  checkOptions<ProcessTableOptions>(
    'ProcessTable',
    options,
    {
      sandboxes: anArray,
      maxPerSession: integer(1, 10_000),
      maxPerTenant: integer(1, 100_000),
      keepFinishedMs: duration(),
      ringBytes: integer(1_024, 64 * 1024 * 1024),
      killAfterMs: duration(1),
      queueMode: oneOf('queue', 'steer', 'collect', 'interrupt'),
    },
    ['sandboxes'],
  )
  const { sandboxes: given, ...rest } = options
  const sandboxes = new Map<string, Sandbox>()
  for (const [index, sandbox] of given.entries()) {
    const problem = aSandbox(sandbox) ?? (typeof sandbox.id === 'string' ? undefined : 'a sandbox with an id')
    if (problem !== undefined) throw wrong(`sandboxes[${index}]`, `must be ${problem}`)
    if (sandboxes.has(sandbox.id)) throw wrong(`sandboxes[${index}]`, `has the id "${sandbox.id}" of another one; give it its own`)
    sandboxes.set(sandbox.id, sandbox)
  }
  const set = Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== undefined))
  return { ...processTableDefaults, ...set, sandboxes }
}

function wrong(option: string, problem: string): BeamClawError {
  return new BeamClawError('invalid-option', `ProcessTable: option "${option}" ${problem}`, { details: { owner: 'ProcessTable', option } })
}
