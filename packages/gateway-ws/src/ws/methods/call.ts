/** What a method works with. */
import type { AgentDefinition, RunningBeamClaw, SessionKey, SystemServices } from '@beamclaw/core'
import { parseSessionKey, sessionKey, sessionKeyParts } from '@beamclaw/core'
import type { MethodName, MethodParams, MethodResult } from '@beamclaw/protocol'
import type { Turns } from '../../turns.ts'
import type { Connection } from '../connection.ts'
import { RequestFailure } from '../failure.ts'
import type { RunOutcomes } from '../hub/run-outcomes.ts'
import type { SessionHub } from '../hub/session-hub.ts'

export type Readiness = 'ready' | 'starting' | 'draining'

/** What all requests share. */
export interface World {
  readonly claw: RunningBeamClaw
  readonly services: Pick<SystemServices, 'clock' | 'logger' | 'random'>
  readonly hub: SessionHub
  readonly outcomes: RunOutcomes
  readonly turns: Turns
  readonly version: string
  readonly readiness: () => Readiness
  readonly uptimeMs: () => number
  readonly connections: () => number
}

/** One request, for the gateway's own methods. */
export interface Call {
  readonly connection: Connection
  /** Sends the first of two answers. */
  readonly accept: (payload: unknown) => void
  /** Done right after the answer has been sent, or refused. */
  readonly afterwards: (work: () => void) => void
}

export type Method<M extends MethodName> = (params: MethodParams<M>, world: World, call: Call) => MethodResult<M> | Promise<MethodResult<M>>

/** The session part of the key that an agent's main conversation has. */
export const mainSession = 'main'

/** The agent that is meant when none is named. */
export function defaultAgent({ claw }: World): AgentDefinition {
  const [agent] = claw.agents
  if (agent === undefined) throw new RequestFailure('UNAVAILABLE', 'no agent is configured')
  return agent
}

/** A full session key from a full one or from its session part. Throws `invalid-session-key`. */
export function fullKey(world: World, text: string, agentId?: string): SessionKey {
  if (!/^agent:/i.test(text)) return sessionKey(agentId ?? defaultAgent(world).id, text)
  const key = parseSessionKey(text)
  if (agentId !== undefined && sessionKeyParts(key).agentId !== agentId.toLowerCase()) {
    throw new RequestFailure('INVALID_REQUEST', `invalid params.agentId: the session "${key}" belongs to another agent`)
  }
  return key
}
