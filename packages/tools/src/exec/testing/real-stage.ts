/** The tools `exec` and `process` with real commands in a workspace of their own. */
import { mkdtempSync, readFileSync, realpathSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  BeamClaw,
  defaultTenant,
  defineAgent,
  MemoryStore,
  ProcessTable,
  type ProcessTableOptions,
  parseAgentId,
  parseSessionKey,
  type RunningBeamClaw,
  silentLogger,
  type Tool,
  type ToolContext,
  type ToolPlan,
} from '@beamclaw/core'
import { ScriptedProvider } from '@beamclaw/core/testing'
import { LocalSandbox } from '../../sandboxes/local-sandbox.ts'
import { execTool } from '../exec-tool.ts'
import { processTool } from '../process-tool.ts'
import type { Outcome } from './exec-stage.ts'

export const key = 'agent:main:a'

export async function realStage(options: Partial<ProcessTableOptions> = {}) {
  const workspace = realpathSync(mkdtempSync(join(tmpdir(), 'exec-')))
  const sandbox = new LocalSandbox()
  const processes = new ProcessTable({ sandboxes: [sandbox], killAfterMs: 2_000, ...options })
  const exec = execTool({ processes, sandbox, workspace, yieldAfterMs: 60_000 })
  const tool = processTool({ processes })
  const provider = new ScriptedProvider({ otherwise: 'Noted.' })
  const store = new MemoryStore()
  store.stop = async () => {}
  const start = (): Promise<RunningBeamClaw> =>
    new BeamClaw({
      providers: { scripted: provider },
      agents: [defineAgent({ id: 'main', model: 'scripted/any', tools: [exec, tool] })],
      store,
      parts: [processes],
      services: { logger: silentLogger },
    }).start()
  let claw = await start()
  async function call<T>(planned: Tool<T, unknown>, input: object, plan?: unknown): Promise<Outcome> {
    const { signal } = new AbortController()
    const context = {
      signal,
      tenant: defaultTenant,
      sessionKey: key,
      runId: 'r1',
      agentId: 'main',
      idempotencyKey: 'r1:1:0',
      context: undefined,
      plan,
    }
    return (await planned.execute(input as T, context as unknown as ToolContext)) as Outcome
  }
  return {
    ...{ workspace, sandbox, processes, provider },
    exec: (input: object, plan?: unknown) => call(exec, input, plan),
    process: (input: object) => call(tool, input),
    plan: async (input: object): Promise<ToolPlan> => {
      const plan = await exec.plan?.(input, {
        signal: new AbortController().signal,
        tenant: defaultTenant,
        sessionKey: parseSessionKey(key),
        agentId: parseAgentId('main'),
        context: undefined,
      })
      return plan ?? Promise.reject(new Error('no plan'))
    },
    session: () => claw.session(key),
    async restart() {
      claw.kill()
      claw = await start()
    },
    async stop() {
      await claw.stop()
      rmSync(workspace, { recursive: true, force: true })
    },
  }
}

/** Returns true while a process with this id runs. One that has ended, and that its parent has not taken note of, does not. */
export function isRunning(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    return !/^[ZX]/.test(stat.slice(stat.lastIndexOf(')') + 2))
  } catch {
    return false
  }
}
