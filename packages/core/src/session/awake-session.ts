/** A session with its history in memory: state, journal and run loop over an open log. */
import type { AgentDefinition } from '../agent/agent.ts'
import { describeError } from '../errors.ts'
import type { RunEvent } from '../events.ts'
import type { SessionKey } from '../ids.ts'
import type { Log } from '../ports/store.ts'
import { eventOfEntry } from './committed-events.ts'
import { JournalWriter } from './journal-writer.ts'
import { readState } from './open-journal.ts'
import { RunLoop } from './run-loop.ts'
import { MetadataDocument } from './session-metadata.ts'
import type { SessionState } from './session-state.ts'
import { committedTopic, type SessionWorld, sessionTopic } from './session-world.ts'

/** What is in memory only while the session is awake and its journal can be written. */
export interface Awake {
  readonly log: Log
  readonly state: SessionState
  readonly journal: JournalWriter
  readonly loop: RunLoop
  readonly metadata: MetadataDocument
  /** Settles when the loop has nothing to do; undefined while it has not. */
  running: Promise<void> | undefined
}

/** Reads the log and what else is known of the session. Rejects with what kept it from being read. */
export async function awaken(key: SessionKey, log: Log, world: SessionWorld, agent: () => AgentDefinition): Promise<Awake> {
  const { store, tenant, ambient, events, providers, toolRunner, suspects, turns, settings } = world
  const { clock, ids, random } = ambient
  const metadata = new MetadataDocument(store, tenant, key)
  const [state] = await Promise.all([readState(log, settings), metadata.load()])
  // What is durable has happened, whether or not the bus can tell of it.
  const publish = (on: string, event: RunEvent): void => {
    try {
      events.publish(on, event)
    } catch (error) {
      ambient.logger.log('error', 'session.event-not-published', { session: key, type: event.type, error: describeError(error) })
    }
  }
  const topic = sessionTopic(key)
  const committed = committedTopic(key)
  const journal = new JournalWriter({
    log,
    state,
    ids,
    now: () => clock.now(),
    onCommitted: (entry, seq) => {
      const event = eventOfEntry(entry, seq, key)
      publish(topic, event)
      publish(committed, event)
    },
  })
  const loop = new RunLoop({
    sessionKey: key,
    state,
    journal,
    providers,
    toolRunner,
    suspects,
    clock,
    random,
    logger: ambient.logger,
    turns,
    agent: () => withOwnSettings(agent(), metadata),
    tell: (event) => publish(topic, event),
  })
  return { log, state, journal, loop, metadata, running: undefined }
}

function withOwnSettings(agent: AgentDefinition, { value: { model, thinking } }: MetadataDocument): AgentDefinition {
  if (model === undefined && thinking === undefined) return agent
  return { ...agent, model: model ?? agent.model, thinking: thinking ?? agent.thinking }
}

/** True while a run is under way or waits. */
export function hasWork({ current, waiting, cancelled }: SessionState): boolean {
  return current !== undefined || waiting.length > 0 || cancelled.length > 0
}
