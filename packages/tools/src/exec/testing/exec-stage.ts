/** The tools `exec` and `process` in a BeamClaw over a scripted sandbox, called as the runner of tools calls them. */
import {
  BeamClaw,
  defaultTenant,
  defineAgent,
  type JsonValue,
  ProcessTable,
  parseAgentId,
  parseRunId,
  parseSessionKey,
  silentLogger,
  type Tool,
  type ToolContext,
  type ToolPlan,
} from '@beamclaw/core'
import { ManualClock, type ScriptedProgram, ScriptedProvider, ScriptedSandbox } from '@beamclaw/core/testing'
import type { ExecToolOptions } from '../exec-options.ts'
import { execTool } from '../exec-tool.ts'
import { processTool } from '../process-tool.ts'

export const key = 'agent:main:a'

/** What a call returned. */
export interface Outcome {
  readonly content: string
  readonly isError: boolean
}

export interface CallOptions {
  readonly sessionKey?: string
  readonly plan?: JsonValue
  readonly signal?: AbortSignal
}

const programs: Readonly<Record<string, ScriptedProgram>> = {
  sh: () => {},
  bash: () => {},
  ls: () => {},
  git: () => {},
  hello: (process) => {
    process.print('hello\n')
    process.exit(0)
  },
  fail: (process) => {
    process.print('no such file\n', 'stderr')
    process.exit(2)
  },
}

export async function execStage(options: Partial<ExecToolOptions> = {}, further: Readonly<Record<string, ScriptedProgram>> = {}) {
  const sandbox = new ScriptedSandbox({ programs: { ...programs, ...further } })
  const processes = new ProcessTable({ sandboxes: [sandbox, ...Object.values(options.sandboxes ?? {}).filter((one) => one !== sandbox)] })
  const where = options.sandboxes === undefined ? { sandbox } : {}
  const exec = execTool({ processes, ...where, workspace: '/work', ...options })
  const tool = processTool({ processes })
  const clock = new ManualClock()
  const provider = new ScriptedProvider({ otherwise: 'Noted.' })
  const claw = await new BeamClaw({
    providers: { scripted: provider },
    agents: [defineAgent({ id: 'main', model: 'scripted/any', tools: [exec, tool], askMode: 'off' })],
    parts: [processes],
    services: { clock, logger: silentLogger },
  }).start()
  const contextOf = ({ sessionKey = key, plan, signal = new AbortController().signal }: CallOptions): ToolContext => ({
    signal,
    tenant: defaultTenant,
    sessionKey: parseSessionKey(sessionKey),
    runId: parseRunId('r1'),
    agentId: parseAgentId('main'),
    context: undefined,
    plan,
    ask: () => Promise.reject(new Error('not here')),
    log: () => {},
    progress: () => {},
    session: () => {
      throw new Error('not here')
    },
    reportUsage: () => {},
    toolNames: [],
    handOff: () => {},
    toolCallId: 'call_1',
    idempotencyKey: 'r1:1:0',
    attempt: 1,
  })
  /** Parses the input and calls a tool. */
  async function call<T>(planned: Tool<T, unknown>, input: unknown, given: CallOptions = {}): Promise<Outcome> {
    return (await planned.execute(await parsed(planned, input), contextOf(given))) as Outcome
  }
  async function plan<T>(planned: Tool<T, unknown>, input: unknown, sessionKey = key): Promise<ToolPlan> {
    const { signal } = new AbortController()
    const site = {
      signal,
      tenant: defaultTenant,
      sessionKey: parseSessionKey(sessionKey),
      agentId: parseAgentId('main'),
      context: undefined,
    }
    return (await planned.plan?.(await parsed(planned, input), site)) ?? Promise.reject(new Error('no plan'))
  }
  return {
    ...{ sandbox, processes, claw, clock, provider },
    exec: (input: unknown, given?: CallOptions) => call(exec, input, given),
    process: (input: unknown, given?: CallOptions) => call(tool, input, given),
    planExec: (input: unknown) => plan(exec, input),
    planProcess: (input: unknown, sessionKey?: string) => plan(tool, input, sessionKey),
  }
}

async function parsed<T>(tool: Tool<T, unknown>, input: unknown): Promise<T> {
  const checked = await tool.input?.['~standard'].validate(input)
  if (checked === undefined || checked.issues !== undefined) throw new Error(JSON.stringify(checked?.issues))
  return checked.value as T
}
