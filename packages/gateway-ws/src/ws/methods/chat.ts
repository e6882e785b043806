/** `chat.send` and `chat.abort`. */
import type { QueueMode, SendReceipt, SessionHandle } from '@beamclaw/core'
import type { ChatSendParams, ChatSendResult } from '@beamclaw/protocol'
import { publicText } from '../../public-text.ts'
import { toContent } from '../chat-messages.ts'
import { RequestFailure } from '../failure.ts'
import { fullKey, type Method, type World } from './call.ts'

const queueModes: Record<NonNullable<ChatSendParams['queueMode']>, QueueMode> = {
  steer: 'steer',
  followup: 'queue',
  collect: 'collect',
  interrupt: 'interrupt',
}

export const chatSend: Method<'chat.send'> = async (params, world, { connection, afterwards }) => {
  const { idempotencyKey: runId, message, attachments, queueMode, thinking, timeoutMs } = params
  const content = toContent(message, attachments)
  if (content.length === 0)
    throw new RequestFailure('INVALID_REQUEST', 'invalid params.message: expected a text or an attachment, received neither')
  const key = fullKey(world, params.sessionKey, params.agentId)
  const handle = world.claw.session(key)
  const session = world.hub.session(key, connection)
  await session.expect(connection, runId)
  let receipt: SendReceipt
  try {
    if (thinking !== undefined) await handle.configure({ thinking })
    const run = handle.send(content, { idempotencyKey: runId, ...(queueMode === undefined ? {} : { queueMode: queueModes[queueMode] }) })
    receipt = await run.accepted
  } catch (error) {
    session.forget(connection, runId)
    throw error
  }
  world.outcomes.remember(runId, key)
  if (receipt.status === 'accepted') abortLater(world, handle, runId, timeoutMs)
  afterwards(() => {
    if (receipt.ended === undefined) session.release(connection, runId)
    else session.forget(connection, runId)
  })
  return resultOf(runId, receipt)
}

export const chatAbort: Method<'chat.abort'> = async ({ sessionKey, agentId, runId }, world) => {
  const receipt = await world.claw.session(fullKey(world, sessionKey, agentId)).abort(runId)
  return { ok: true, aborted: receipt.wasAborted, runIds: receipt.wasAborted && receipt.runId !== undefined ? [receipt.runId] : [] }
}

/** Aborts the run when it takes longer than `timeoutMs`. */
export function abortLater({ services, claw, outcomes }: World, handle: SessionHandle, runId: string, timeoutMs = 0): void {
  if (timeoutMs === 0) return
  const timer = services.clock.setTimer(() => void handle.abort(runId).catch(() => {}), timeoutMs, true)
  const cancel = (): void => timer.cancel()
  outcomes.of(handle.key, runId, () => claw.session(handle.key).follow(runId)).then(cancel, cancel)
}

function resultOf(runId: string, { status, ended }: SendReceipt): ChatSendResult {
  const shown = { runId, status: statusOf(status) }
  return status === 'failed' ? { ...shown, ...failureOf(ended?.failure) } : shown
}

/** Returns the status of a run in the protocol's words. */
export function statusOf(status: SendReceipt['status']): ChatSendResult['status'] {
  switch (status) {
    case 'accepted':
      return 'started'
    case 'waiting':
    case 'running':
      return 'in_flight'
    case 'completed':
      return 'ok'
    case 'aborted':
      return 'aborted'
    case 'failed':
      return 'error'
  }
}

function failureOf(failure: { readonly code: string; readonly message: string } | undefined): Pick<ChatSendResult, 'errorMessage'> {
  return failure === undefined ? {} : { errorMessage: publicText(failure.code, failure.message) }
}
