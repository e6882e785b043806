/** A session with its history in memory: state, journal and run loop over an open log. */
import type { AgentDefinition } from '../agent/agent.ts'
import type { RunEvent } from '../base/events.ts'
import type { AgentId, SessionKey } from '../base/ids.ts'
import type { AppendLog } from '../ports/store.ts'
import { Attachments } from './attachments/attachments.ts'
import { JournalWriter } from './journal/journal-writer.ts'
import { readState } from './journal/read-journal.ts'
import { eventOfEntry } from './journal/record-families.ts'
import { OwnTools } from './own-tools.ts'
import { logFailure, publishEvent } from './publish-event.ts'
import { AgentOfRun } from './run/agent-of-run.ts'
import { Decisions } from './run/decisions.ts'
import { followApprovals } from './run/follow-approvals.ts'
import { RunLoop } from './run/run-loop.ts'
import type { SessionDependencies } from './session-dependencies.ts'
import { committedTopic, journalKey, sessionTopic } from './session-names.ts'
import { SettingsDocument } from './session-settings.ts'
import { requestsOf } from './state/run-approvals.ts'
import type { SessionState } from './state/session-state.ts'

/** The parts of a session that are in memory only while it is awake and its journal can be written. */
export interface LoadedSession {
  readonly log: AppendLog
  readonly state: SessionState
  readonly journal: JournalWriter
  readonly loop: RunLoop
  readonly settings: SettingsDocument
  readonly attachments: Attachments
  /** Returns the agent that answers now. */
  readonly agent: () => AgentDefinition
  /** Settles when the loop has no more work; undefined while it does not run. */
  running: Promise<void> | undefined
}

/** What a session is loaded for. */
export interface LoadingFor {
  readonly agent: () => AgentDefinition
  /** False once the session was killed or loaded anew: a write that is heard of only then shows an old state. */
  readonly isCurrent: () => boolean
}

/** Reads the log, the settings and the state of a session. Rejects with the error that prevented it. */
export async function loadSession(
  key: SessionKey,
  log: AppendLog,
  dependencies: SessionDependencies,
  { agent, isCurrent }: LoadingFor,
): Promise<LoadedSession> {
  const {
    store,
    tenant,
    services,
    listeners,
    providers,
    toolRunner,
    approvals,
    activity,
    askMode,
    suspects,
    turns,
    sessionDefaults,
    extensions,
    agents,
  } = dependencies
  const { clock, ids, random } = services
  const decisions = new Decisions()
  const agentOfRun = new AgentOfRun()
  const ownTools = new OwnTools({ tenant, sessionKey: key }, services.logger)
  const settings = new SettingsDocument(store, tenant, key)
  const [{ state, snapshotAt }] = await Promise.all([readState(log, sessionDefaults, extensions), settings.load()])
  // Completes an import or a deletion that a crash interrupted.
  if (settings.isDeleting && state.seq === 0) {
    await store.blobs.deleteAll(journalKey(tenant, key))
    await settings.delete()
  }
  if (state.importedSettings !== undefined && !settings.isStored) await settings.change(state.importedSettings)
  const answering = (): AgentDefinition => {
    const { answeredBy } = state
    return ownTools.of((answeredBy === undefined ? undefined : agents.get(answeredBy)) ?? agent())
  }
  const tell = (event: RunEvent, agentId?: AgentId): void => {
    publishEvent(dependencies, topic, event)
    if (!listeners.isEmpty) listeners.tell({ ...event, tenant, agentId: agentId ?? answering().id })
  }
  const topic = sessionTopic(tenant, key)
  const committed = committedTopic(tenant, key)
  const journal = new JournalWriter({
    log,
    state,
    snapshotAt,
    ids,
    now: () => clock.now(),
    agentId: () => answering().id,
    onCommitted: (entry, seq, agentId) => {
      const event = eventOfEntry(entry, seq, key)
      if (isCurrent()) followApprovals(entry, key, state, { approvals, decisions, activity })
      tell(event, agentId)
      publishEvent(dependencies, committed, event)
      if (event.type === 'run-end') logFailure(services.logger, event)
    },
  })
  const { logger } = services
  const attachments = new Attachments({ sessionKey: key, blobs: store.blobs, owner: journalKey(tenant, key), turns, logger })
  const loop = new RunLoop({
    sessionKey: key,
    tenant,
    state,
    journal,
    attachments,
    providers,
    toolRunner,
    approvals,
    decisions,
    askMode,
    suspects,
    clock,
    random,
    ids,
    logger,
    turns,
    agents,
    agent: () => agentOfRun.of(state, answering(), settings.value),
    settings: () => settings.value,
    tell: (event) => tell(event),
  })
  if (isCurrent()) approvals.follow(key, requestsOf(key, state.current))
  return { log, state, journal, loop, settings, attachments, agent: answering, running: undefined }
}

/** True for a session that was never begun: it has no record and no settings. */
export function isEmpty({ state, settings }: LoadedSession): boolean {
  return state.seq === 0 && !settings.isStored
}
