/** The tool that runs commands. */
import {
  type BackgroundProcess,
  BeamClawError,
  defineTool,
  type JsonValue,
  type ProcessList,
  type ProcessOwner,
  type Tool,
  type ToolContext,
  toolResult,
} from '@beamclaw/core'
import { type ExecInput, execInput, maxYieldMs } from './exec-input.ts'
import { type ExecSettings, type ExecToolOptions, execSettings } from './exec-options.ts'
import { shownOutput, stateText } from './exec-output.ts'
import { approvedDetail, type ExecDetail, planExec, prepareExec } from './exec-plan.ts'

const description = [
  'Runs a command and returns its exit code and its output, errors included.',
  'A command that takes long goes on in the background: the result then has its name, for the process tool, and you are told when it ends.',
].join(' ')

/** Milliseconds beyond the longest wait until the call itself times out: for the start and the end of a command. */
const graceMs = 60_000

/**
 * Returns the tool `exec`, which runs commands in a sandbox. Each call is planned first: what a person approves is what runs. Throws `invalid-option`.
 *
 * @example
 * const exec = execTool({ processes, sandbox, workspace: '/srv/agent/workspace' })
 */
export function execTool(options: ExecToolOptions): Tool<ExecInput, unknown> {
  const settings = execSettings(options)
  const { risk = 'high', askMode } = settings
  return defineTool<ExecInput>({
    name: 'exec',
    description,
    input: execInput,
    risk,
    ...(askMode === undefined ? {} : { askMode }),
    timeoutMs: maxYieldMs + graceMs,
    // A command that has failed may have done half of its work.
    maxAttempts: 1,
    plan: (input, site) => planExec(input, settings, site),
    execute: (input, context) => execute(input, context, settings),
  })
}

async function execute(input: ExecInput, context: ToolContext, settings: ExecSettings): Promise<ReturnType<typeof toolResult>> {
  const { tenant, sessionKey, agentId, signal, plan } = context
  const site = { tenant, sessionKey, agentId, context: context.context }
  const detail = plan === undefined ? await prepareExec(input, settings, site) : approvedDetail(plan, input, settings)
  const processes = settings.processes.of(tenant)
  signal.throwIfAborted()
  const { id } = await processes.start(detail.prepared, ownerOf(context), {
    label: detail.label,
    isBackground: detail.background,
    ...(detail.timeoutMs === null ? {} : { timeoutMs: detail.timeoutMs }),
  })
  try {
    const fed = feed(processes, id, input, detail)
    if (input.stdin === undefined) await fed
    const over = processes.poll(id, { waitMs: input.yieldAfterMs ?? settings.yieldAfterMs, until: 'end', signal })
    // A command that does not read its input gets the rest of it later: the call does not wait for that.
    for (const late of [fed, over]) late.catch(() => undefined)
    await Promise.race([fed, over])
    if (!detail.background) await over
    const shown = detail.background ? processes.get(id) : await processes.sendToBackground(id)
    if (shown.isBackground) return yielded(processes, shown)
    return finished(processes, shown)
  } catch (error) {
    // A table that has ended has ended its processes.
    await processes.kill(id).catch(() => undefined)
    throw error
  }
}

/** Gives the command its input. A command that nothing will be written to gets the end of it at once, and so does not wait for it. */
async function feed(processes: ProcessList, id: string, { stdin, pty = false }: ExecInput, { background }: ExecDetail): Promise<void> {
  try {
    if (stdin !== undefined) await processes.write(id, stdin)
    if (stdin !== undefined || !(background || pty)) await processes.endInput(id)
  } catch (error) {
    // It has ended without reading its input.
    if (!BeamClawError.isInstance(error, 'command-ended')) throw error
  }
}

function finished(processes: ProcessList, shown: BackgroundProcess): ReturnType<typeof toolResult> {
  const isError = shown.status !== 'exited'
  return toolResult({ content: `${stateText(shown)}\n${shownOutput(processes, shown).text}`, isError })
}

function yielded(processes: ProcessList, shown: BackgroundProcess): ReturnType<typeof toolResult> {
  const { id, endedAt } = shown
  const how = `It goes on in the background as "${id}". You are told when it ends; the process tool can read its output, write to it and kill it.`
  const state = endedAt === undefined ? how : `It is over; its name is "${id}".`
  const { text, next } = shownOutput(processes, shown)
  // A poll without "from" would repeat all of this.
  return toolResult({ content: `${stateText(shown)} ${state}\nOutput so far; poll for more with "from": ${next}.\n${text}` })
}

function ownerOf({ sessionKey, agentId, runId, idempotencyKey, context }: ToolContext): ProcessOwner {
  // The agent's messages have this context, so the one about the end has it as well.
  return { sessionKey, agentId, runId, callKey: idempotencyKey, ...(context === undefined ? {} : { context: context as JsonValue }) }
}
