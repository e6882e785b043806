/** Finds what an earlier process of the node has left: its documents, and what still runs of them. */

import type { Clock, Logger } from '@beamclaw/actor'
import { BeamClawError, describeError } from '../base/errors.ts'
import { keysBelow } from '../defaults/keys-below.ts'
import type { PartHost } from '../part/part.ts'
import type { Sandbox } from '../ports/sandbox.ts'
import type { ProcessEntry } from './process-entry.ts'
import { fromDocument, type ProcessRecord, processKeys } from './process-record.ts'

/** Said where output may be missing: it was printed while no process read it. */
const gapNote = '\n[BeamClaw was started again here; what the process printed meanwhile is not known]\n'

/** Resolves with the records of nodes, the oldest first. A document that cannot be read is logged and left alone. Rejects as the store does. */
export async function readRecords(
  { store, tenant, services: { logger } }: PartHost,
  nodes: readonly string[],
): Promise<readonly ProcessRecord[]> {
  const records: ProcessRecord[] = []
  for await (const key of keysBelow(store, processKeys(tenant))) {
    const id = key[2]
    if (key.length !== 3 || id === undefined) continue
    const record = fromDocument((await store.get(key))?.value ?? null, id)
    if (record === undefined) logger.log('warn', 'process.document-unreadable', { process: id })
    else if (nodes.includes(record.node)) records.push(record)
  }
  return records.sort((a, b) => a.startedAt - b.startedAt)
}

export interface RecoverOptions {
  readonly sandboxes: ReadonlyMap<string, Sandbox>
  readonly clock: Clock
  readonly logger: Logger
  /** Longest wait for a sandbox. */
  readonly withinMs: number
}

/** Attaches to a detached process that still runs, else makes sure that nothing of it runs, and calls it lost. Never rejects. */
export async function recover(entry: ProcessEntry, options: RecoverOptions): Promise<void> {
  const { clock, logger, sandboxes } = options
  const { isDetached, sandbox: name, id, mark } = entry.record
  const identity = entry.record.identity ?? (typeof mark === 'string' ? { sandbox: name, mark } : undefined)
  const sandbox = sandboxes.get(name)
  try {
    if (identity !== undefined && sandbox === undefined)
      throw new BeamClawError('sandbox-unavailable', `There is no sandbox "${name}" any more; look yourself whether the process runs`)
    const attaching = identity !== undefined && isDetached ? sandbox?.attach?.(identity, entry.listener) : undefined
    const process = attaching && (await bounded(options, attaching))
    if (process !== undefined) {
      entry.ring.append(new TextEncoder().encode(gapNote))
      // No call waits for it any more.
      entry.change({ type: 'background' })
      return entry.spawned(process)
    }
    if (identity !== undefined && sandbox?.reap !== undefined) await bounded(options, sandbox.reap(identity))
  } catch (error) {
    logger.log('error', 'process.not-reaped', { process: id, sandbox: name, error: describeError(error) })
  }
  entry.notSpawned()
  entry.change({ type: 'lost', at: clock.now() })
}

function bounded<T>({ clock, withinMs }: RecoverOptions, work: Promise<T>): Promise<T> {
  const { promise, resolve, reject } = Promise.withResolvers<T>()
  const problem = `The sandbox has not settled within ${withinMs} ms`
  const timer = clock.setTimer(() => reject(new BeamClawError('sandbox-unavailable', problem)), withinMs)
  work.then(resolve, reject)
  return promise.finally(() => timer.cancel())
}
