/** `sessions.deadLetters` and `sessions.redrive`. */
import { textOf } from '@beamclaw/core'
import { fullKey, type Method } from './call.ts'
import { statusOf } from './chat.ts'

/** Characters of a message in the list. */
const shownCharacters = 200

export const sessionsDeadLetters: Method<'sessions.deadLetters'> = async ({ sessionKey, agentId }, world) => {
  const key = fullKey(world, sessionKey, agentId)
  const letters = await world.claw.session(key).deadLetters()
  const deadLetters = letters.map(({ runId, at, message }) => {
    const text = message === undefined ? '' : textOf(message)
    return { runId, at: Math.round(at), text: text.slice(0, shownCharacters) }
  })
  return { sessionKey: key, deadLetters }
}

export const sessionsRedrive: Method<'sessions.redrive'> = async ({ sessionKey, agentId, runId }, world) => {
  const key = fullKey(world, sessionKey, agentId)
  await world.hub.touch(key)
  const receipt = await world.claw.session(key).redrive(runId).accepted
  world.outcomes.remember(receipt.runId, key)
  return { runId: receipt.runId, redrives: runId, status: statusOf(receipt.status) }
}
