/** `send`: accepts a message, which starts a run or joins one. */

import { type AgentDefinition, checkToolNames } from '../../agent/agent.ts'
import { allSettled } from '../../base/all-settled.ts'
import { BeamClawError, MailboxFullError } from '../../base/errors.ts'
import type { AgentId } from '../../base/ids.ts'
import type { Fail } from '../../base/message-check.ts'
import { needsKeeping } from '../attachments/keep-content.ts'
import type { QueueMode, RunSettings } from '../journal/records.ts'
import { type SendReceipt, sendReceipt } from '../session-replies.ts'
import type { KnownRun } from '../state/known-run.ts'
import { isParked } from '../state/run-approvals.ts'
import { type CommandContext, listedFirst, StateDiscarded } from './command.ts'
import { checkSameMessage, type NewMessage } from './message-intake.ts'

const refused: Fail = (problem) => new BeamClawError('invalid-message', `send: ${problem}`)

/** Throws what prevents it. Without an attachment, the message is staged at once, and the promise is that of its acceptance alone. */
export function send(context: CommandContext, message: NewMessage): Promise<SendReceipt> {
  const known = context.state.runs.get(message.runId)
  if (known !== undefined) return repeated(context, message, known)
  const queueMode = acceptable(context, message)
  const hasAttachments = needsKeeping(message.message.content, 'user')
  return hasAttachments ? sendKept(context, message) : accept(context, message, queueMode)
}

async function sendKept(context: CommandContext, message: NewMessage): Promise<SendReceipt> {
  const content = await context.attachments.keepContent(message.message.content, 'content', refused)
  if (!context.isLoaded()) throw new StateDiscarded()
  return acceptKept(context, { ...message, message: { role: 'user', content } })
}

/** As `send`, for a message whose attachments are durable. */
export function acceptKept(context: CommandContext, message: NewMessage): Promise<SendReceipt> {
  const known = context.state.runs.get(message.runId)
  if (known !== undefined) return repeated(context, message, known)
  return accept(context, message, acceptable(context, message))
}

async function repeated(
  { key, journal, dependencies: { activity }, drive }: CommandContext,
  message: NewMessage,
  known: KnownRun,
): Promise<SendReceipt> {
  checkSameMessage(key, message, known.fingerprint)
  const receipt = sendReceipt(message.runId, known)
  // The first acknowledgement may have failed half-way.
  drive()
  await allSettled([journal.flush(), ...(known.ended === undefined ? [activity.begin(key)] : [])])
  return receipt
}

/** Returns what happens to the message while the session is busy. Throws when it cannot be accepted now. */
function acceptable(context: CommandContext, message: NewMessage): QueueMode {
  const { settings, dependencies } = context
  const queueMode = message.queueMode ?? settings.value.queueMode ?? dependencies.sessionDefaults.queueMode
  checkTools(context, message.settings)
  checkRoom(context, queueMode)
  return queueMode
}

function accept(context: CommandContext, message: NewMessage, queueMode: QueueMode): Promise<SendReceipt> {
  const { current } = context.state
  const endsWait = (queueMode === 'interrupt' || queueMode === 'steer') && current !== undefined && isParked(current)
  return endsWait ? acceptListed(context, message) : acceptNow(context, message, queueMode)
}

async function acceptListed(context: CommandContext, message: NewMessage): Promise<SendReceipt> {
  await listedFirst(context)
  try {
    const known = context.state.runs.get(message.runId)
    if (known !== undefined) return await repeated(context, message, known)
    return await acceptNow(context, message, acceptable(context, message))
  } finally {
    context.drive()
  }
}

async function acceptNow(context: CommandContext, { type: _, ...message }: NewMessage, queueMode: QueueMode): Promise<SendReceipt> {
  const { key, state, journal, loop, settings, dependencies, drive } = context
  const { current } = state
  journal.stage({ type: 'message-in', ...message, queueMode })
  if (queueMode === 'interrupt' && current !== undefined && current.cancelled === undefined) {
    journal.stage({ type: 'run-cancel', runId: current.runId, reason: 'interrupt' })
    loop.interruptStep('interrupt')
  }
  const { seq } = state.runs.get(message.runId) ?? state
  drive()
  const { skills } = context.agent()
  const isNew = skills !== undefined && settings.value.skills === undefined
  await allSettled([dependencies.activity.begin(key), journal.flush(), ...(isNew ? [settings.change({ skills })] : [])])
  return { runId: message.runId, status: 'accepted', seq, ended: undefined }
}

/** Throws `invalid-option` for a tool that the run cannot have: neither the answering agent nor an agent that it may hand over to has it. */
function checkTools({ agent, dependencies }: CommandContext, { tools, toolChoice }: RunSettings = {}): void {
  if (tools === undefined && typeof toolChoice !== 'object') return
  const known = toolsWithin(agent(), dependencies.agents)
  if (tools !== undefined) checkToolNames('send', 'tools', tools, known)
  if (typeof toolChoice === 'object') checkToolNames('send', 'toolChoice.name', [toolChoice.name], tools ?? known)
}

/** Returns the names of the tools of an agent and of the agents that it may hand over to, directly or through others. */
function toolsWithin(first: AgentDefinition, agents: ReadonlyMap<AgentId, AgentDefinition>): readonly string[] {
  const reached = new Set([first])
  // Iteration over a set includes elements added meanwhile.
  for (const { tools } of reached) {
    for (const { agentId, handsOver } of tools.values()) {
      const next = handsOver === true && agentId !== undefined ? agents.get(agentId) : undefined
      if (next !== undefined) reached.add(next)
    }
  }
  return [...new Set([...reached].flatMap(({ tools }) => [...tools.keys()]))]
}

function checkRoom({ key, state, dependencies }: CommandContext, queueMode: QueueMode): void {
  const waiting = state.waiting.length
  if (queueMode === 'reject' && (state.current !== undefined || waiting > 0)) {
    throw new BeamClawError('session-busy', `Session "${key}" is busy with another run; try again when it has ended`, {
      retryAfterMs: 1_000,
    })
  }
  const { mailboxSize } = dependencies.sessionDefaults
  if (waiting < mailboxSize) return
  const details = { sessionKey: key, waiting, mailboxSize }
  throw new MailboxFullError(`Session "${key}" has ${mailboxSize} waiting messages, its limit`, 5_000, details)
}
