/** `agent`, which responds when the message is durable and again when its run is over, and `agent.wait`. */
import { type SessionKey, type Usage, zeroUsage } from '@beamclaw/core'
import type { AgentAccepted, AgentFinal, UsageShape } from '@beamclaw/protocol'
import { publicText } from '../../public-text.ts'
import { toContent } from '../chat-messages.ts'
import { RequestFailure } from '../failure.ts'
import type { RunOutcome } from '../hub/run-outcomes.ts'
import { fullKey, type Method, mainSession, type World } from './call.ts'
import { abortLater } from './chat.ts'

const defaultWaitMs = 30_000

export const agent: Method<'agent'> = async (params, world, { connection, accept, afterwards }) => {
  const { idempotencyKey: runId, message, attachments, thinking, timeout = 0 } = params
  const key = fullKey(world, params.sessionKey ?? mainSession, params.agentId)
  const handle = world.claw.session(key)
  const session = world.hub.session(key, connection)
  await session.expect(connection, runId)
  try {
    if (thinking !== undefined) await handle.configure({ thinking })
    const run = handle.send(toContent(message, attachments), { idempotencyKey: runId })
    const receipt = await run.accepted
    world.outcomes.remember(runId, key)
    if (receipt.status === 'accepted') abortLater(world, handle, runId, timeout * 1_000)
    if (receipt.ended !== undefined) afterwards(() => session.forget(connection, runId))
  } catch (error) {
    session.forget(connection, runId)
    throw error
  }
  const acceptedAt = Math.round(world.services.clock.now())
  accept({ runId, status: 'accepted', sessionKey: key, acceptedAt } satisfies AgentAccepted)
  session.release(connection, runId)
  const outcome = await world.outcomes.of(key, runId, () => handle.follow(runId))
  if (outcome.status === 'error' && outcome.error !== undefined) throw outcome.error
  return finalOf(runId, key, outcome)
}

export const agentWait: Method<'agent.wait'> = async ({ runId, sessionKey, timeoutMs = defaultWaitMs }, world) => {
  const key = sessionKey === undefined ? world.outcomes.sessionOf(runId) : fullKey(world, sessionKey)
  if (key === undefined) {
    throw new RequestFailure('INVALID_REQUEST', 'invalid params.runId: this gateway did not start that run; pass its sessionKey too', {
      details: { code: 'unknown-run' },
    })
  }
  const outcome = world.outcomes.of(key, runId, () => world.claw.session(key).follow(runId))
  const ended = await withinTime(world, outcome, timeoutMs)
  if (ended === undefined) return { runId, status: 'timeout' }
  return { runId, status: ended.status, ...(ended.error === undefined ? {} : { error: publicText(ended.error.code, ended.error.message) }) }
}

function finalOf(runId: string, sessionKey: SessionKey, { status, text, usage, stopReason, error }: RunOutcome): AgentFinal {
  if (status !== 'ok') return { runId, status, summary: error === undefined ? status : publicText(error.code, error.message) }
  const meta = { sessionKey, usage: usageOf(usage ?? zeroUsage), ...(stopReason === undefined ? {} : { stopReason }) }
  return { runId, status, summary: 'completed', result: { payloads: text === '' ? [] : [{ text, mediaUrl: null }], meta } }
}

function usageOf({ inputTokens, outputTokens, cacheReadTokens, cacheWriteTokens }: Usage): UsageShape {
  return {
    input: inputTokens,
    output: outputTokens,
    cacheRead: cacheReadTokens,
    cacheWrite: cacheWriteTokens,
    total: inputTokens + outputTokens + cacheReadTokens + cacheWriteTokens,
  }
}

/** Resolves with the value, or undefined when it takes longer. */
async function withinTime<T>({ services }: World, value: Promise<T>, timeoutMs: number): Promise<T | undefined> {
  const late = Promise.withResolvers<undefined>()
  const timer = services.clock.setTimer(() => late.resolve(undefined), timeoutMs, true)
  try {
    return await Promise.race([value, late.promise])
  } finally {
    timer.cancel()
  }
}
