/** The dependencies of the gateway's own methods. */

import type { AgentDefinition, RunningBeamClaw, SessionKey, SystemServices } from '@beamclaw/core'
import { parseSessionKey, sessionKey, sessionKeyParts } from '@beamclaw/core'
import type { MethodName, MethodParams, MethodResult } from '@beamclaw/protocol'
import type { Admission } from '../../admission.ts'
import type { ClusterReport } from '../../cluster/cluster-report.ts'
import type { Turns } from '../../turns.ts'
import type { Connection } from '../connection.ts'
import { RequestFailure } from '../failure.ts'
import type { RunOutcomes } from '../hub/run-outcomes.ts'
import type { SessionHub } from '../hub/session-hub.ts'

/** Dependencies that all requests share. */
export interface World {
  readonly claw: RunningBeamClaw
  readonly services: Pick<SystemServices, 'clock' | 'logger' | 'random'>
  readonly hub: SessionHub
  readonly outcomes: RunOutcomes
  readonly turns: Turns
  readonly version: string
  readonly admission: Admission
  readonly cluster: ClusterReport
  readonly uptimeMs: () => number
  readonly connections: () => number
}

/** One request, for the gateway's own methods. */
export interface Call {
  readonly connection: Connection
  /** Sends the first of two responses. */
  readonly accept: (payload: unknown) => void
  /** Registers work that runs right after the response, or the error, was sent. */
  readonly afterwards: (work: () => void) => void
}

export type Method<M extends MethodName> = (params: MethodParams<M>, world: World, call: Call) => MethodResult<M> | Promise<MethodResult<M>>

/** The session part of the key of an agent's main conversation. */
export const mainSession = 'main'

/** Returns the agent of requests that name none. */
export function defaultAgent({ claw }: World): AgentDefinition {
  const [agent] = claw.agents
  if (agent === undefined) throw new RequestFailure('UNAVAILABLE', 'no agent is configured')
  return agent
}

/** Returns the full session key for a full one or its session part. Throws `invalid-session-key`. */
export function fullKey(world: World, text: string, agentId?: string): SessionKey {
  if (!/^agent:/i.test(text)) return sessionKey(agentId ?? defaultAgent(world).id, text)
  const key = parseSessionKey(text)
  if (agentId !== undefined && sessionKeyParts(key).agentId !== agentId.toLowerCase()) {
    throw new RequestFailure('INVALID_REQUEST', `invalid params.agentId: the session "${key}" belongs to another agent`)
  }
  return key
}
