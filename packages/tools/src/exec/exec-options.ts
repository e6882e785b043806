/** The options of `execTool`, checked once. */
import type { AskMode, CommandLimits, ProcessTable, Sandbox } from '@beamclaw/core'
import { BeamClawError } from '@beamclaw/core'
import { aBoolean, anArray, anObject, anObjectWith, checkOptions, duration, integer, type OptionRule, oneOf } from '@beamclaw/core/adapter'
import { mayBeAdded } from './command-rules.ts'
import { type ExecMode, maxYieldMs } from './exec-input.ts'

/** The call for which a workspace is chosen. */
export interface ExecSite {
  readonly tenant: string
  readonly sessionKey: string
  readonly agentId: string
  readonly context: unknown
}

/** Options of `execTool`. */
export interface ExecToolOptions {
  /** Where the processes are kept; it must know the sandboxes. */
  readonly processes: ProcessTable
  /** Where all commands run. Give this or `sandboxes`. */
  readonly sandbox?: Sandbox
  /** Where commands run by the mode that the model asks for; the first of sandbox, gateway and node is the default. */
  readonly sandboxes?: Readonly<Partial<Record<ExecMode, Sandbox>>>
  /** Absolute path of the folder that commands work in, or a function that returns it for a call. */
  readonly workspace: string | ((site: ExecSite) => string)
  /** Milliseconds until a command goes to the background. @default 10000 */
  readonly yieldAfterMs?: number
  /** Milliseconds until a command is killed, unless the call says less. @default never */
  readonly timeoutMs?: number
  /** When a call asks. @default the mode of the agent */
  readonly askMode?: AskMode
  /** @default 'high' */
  readonly risk?: 'low' | 'high'
  /** Variables of all commands. */
  readonly env?: Readonly<Record<string, string>>
  /** Whether commands may use the network. @default false */
  readonly network?: boolean
  readonly limits?: CommandLimits
  /**
   * Names of further programs of the system that a grant may cover, such as `kubectl`, with whatever arguments it says. Shells, interpreters, editors and
   * wrappers cannot be added. @default []
   */
  readonly rememberable?: readonly string[]
}

/** Options with their defaults. */
export interface ExecSettings extends Omit<ExecToolOptions, 'sandbox' | 'sandboxes' | 'rememberable'> {
  readonly sandboxes: ReadonlyMap<ExecMode, Sandbox>
  readonly yieldAfterMs: number
  readonly rememberable: ReadonlySet<string>
}

/** Defaults for `execTool`. */
const execDefaults = { yieldAfterMs: 10_000 } as const satisfies Partial<ExecToolOptions>

const modes: readonly ExecMode[] = ['sandbox', 'gateway', 'node']

const aWorkspace: OptionRule = (value) =>
  typeof value === 'function' || (typeof value === 'string' && value.startsWith('/'))
    ? undefined
    : 'an absolute path, or a function that returns one'

/** Returns the checked options. Throws `invalid-option`. */
export function execSettings(options: ExecToolOptions): ExecSettings {
  const limit = integer(1)
  checkOptions<ExecToolOptions>(
    'execTool',
    options,
    {
      processes: anObjectWith('of', 'start'),
      sandbox: anObjectWith('prepare', 'spawn'),
      sandboxes: anObject,
      workspace: aWorkspace,
      yieldAfterMs: integer(0, maxYieldMs),
      timeoutMs: duration(1),
      askMode: oneOf('off', 'onMiss', 'always'),
      risk: oneOf('low', 'high'),
      env: anObject,
      network: aBoolean,
      limits: anObject,
      rememberable: anArray,
    },
    ['processes', 'workspace'],
  )
  const { sandbox, sandboxes = {}, limits = {}, yieldAfterMs, rememberable = [], ...rest } = options
  checkOptions('execTool.sandboxes', sandboxes, Object.fromEntries(modes.map((mode) => [mode, anObjectWith('prepare', 'spawn')])) as never)
  checkOptions<CommandLimits>('execTool.limits', limits, {
    cpuSeconds: limit,
    memoryBytes: limit,
    processes: limit,
    fileBytes: limit,
    openFiles: limit,
  })
  const refused = rememberable.find((name) => !mayBeAdded(name))
  if (refused !== undefined)
    throw new BeamClawError(
      'invalid-option',
      `execTool: "rememberable" must have names of programs that run no others, received ${JSON.stringify(refused)}. Name no path, shell, interpreter, editor or wrapper.`,
      { details: { owner: 'execTool', option: 'rememberable' } },
    )
  const given = modes.flatMap((mode) => (sandboxes[mode] === undefined ? [] : [[mode, sandboxes[mode]] as const]))
  if ((sandbox === undefined) === (given.length === 0))
    throw new BeamClawError('invalid-option', 'execTool: give either "sandbox" or "sandboxes" with at least one', {
      details: { owner: 'execTool', option: 'sandbox' },
    })
  return {
    ...rest,
    limits,
    rememberable: new Set(rememberable),
    yieldAfterMs: yieldAfterMs ?? execDefaults.yieldAfterMs,
    sandboxes: new Map<ExecMode, Sandbox>(sandbox === undefined ? given : [['sandbox', sandbox]]),
  }
}

/** Returns the sandbox of a mode. Throws `sandbox-unavailable`. */
export function sandboxOf({ sandboxes }: ExecSettings, mode: ExecMode | undefined): { readonly mode: ExecMode; readonly sandbox: Sandbox } {
  const [usual] = sandboxes.keys()
  const chosen = mode ?? usual ?? 'sandbox'
  const sandbox = sandboxes.get(chosen)
  if (sandbox !== undefined) return { mode: chosen, sandbox }
  const known = [...sandboxes.keys()].join(', ')
  throw new BeamClawError('sandbox-unavailable', `exec: mode "${chosen}" is not set up here; available: ${known}. Leave "mode" out.`, {
    details: { mode: chosen, available: [...sandboxes.keys()] },
  })
}
