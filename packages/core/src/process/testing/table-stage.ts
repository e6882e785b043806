/** A BeamClaw with a table of processes over a scripted sandbox. */
import { flushEventLoop } from '@beamclaw/actor/testing'
import { parseAgentId, parseRunId, parseSessionKey } from '../../base/ids.ts'
import type { BeamClawOptions } from '../../beamclaw-options.ts'
import type { PreparedCommand } from '../../ports/sandbox.ts'
import { FunctionModel, type Stage, stage } from '../../testing/model.ts'
import { type ScriptedProcess, ScriptedSandbox } from '../../testing/scripted-sandbox.ts'
import { ProcessTable } from '../process-table.ts'
import type { ProcessTableOptions } from '../process-table-options.ts'
import type { BackgroundProcess, ProcessList, ProcessOwner, StartProcessOptions } from '../process-types.ts'

export const key = 'agent:main:a'

export function ownerOf(sessionKey = key): ProcessOwner {
  return { sessionKey: parseSessionKey(sessionKey), agentId: parseAgentId('main'), runId: parseRunId('r1'), callKey: 'r1:1:0' }
}

export interface TableStage extends Stage {
  readonly sandbox: ScriptedSandbox
  readonly table: ProcessTable
  readonly processes: ProcessList
  prepare(...argv: [string, ...string[]]): Promise<PreparedCommand>
  /** Starts a process, in the background unless told otherwise. */
  begin(
    options?: StartProcessOptions,
    sessionKey?: string,
  ): Promise<{ readonly shown: BackgroundProcess; readonly process: ScriptedProcess }>
  /** Texts of the messages that the session got from processes. */
  notices(sessionKey?: string): Promise<readonly string[]>
}

export async function tableStage(
  options: Partial<ProcessTableOptions> = {},
  rest: Partial<BeamClawOptions> = {},
  model: FunctionModel = new FunctionModel(() => ({ text: 'noted' })),
): Promise<TableStage> {
  const sandbox = new ScriptedSandbox()
  const table = new ProcessTable({ sandboxes: [sandbox], ...options })
  const base = await stage(model, {}, { parts: [table], ...rest })
  const prepare = (...argv: [string, ...string[]]): Promise<PreparedCommand> => sandbox.prepare({ argv, workspace: '/work' })
  const own = {
    sandbox,
    table,
    get processes() {
      return table.of()
    },
    prepare,
    async begin(start: StartProcessOptions = {}, sessionKey = key) {
      const shown = await table.of().start(await prepare('sleep', '9'), ownerOf(sessionKey), start)
      return { shown, process: sandbox.started.at(-1) as ScriptedProcess }
    },
    async notices(sessionKey = key) {
      await flushEventLoop()
      if (!(await base.claw.session(sessionKey).exists())) return []
      const { messages } = await base.claw.session(sessionKey).history()
      return messages.flatMap(({ message }) =>
        message.role === 'user' && typeof message.content === 'string' && message.content.includes('background process')
          ? [message.content]
          : [],
      )
    },
  }
  return Object.defineProperties(own, Object.getOwnPropertyDescriptors(base)) as unknown as TableStage
}
