/** The table of background processes: a part, which tools get as well. */
import { ResourceActor } from '@beamclaw/actor'
import { BeamClawError, describeError } from '../base/errors.ts'
import { defaultTenant, type TenantId } from '../base/ids.ts'
import type { Part, PartHost, PartSpec } from '../part/part.ts'
import { type ProcessSettings, type ProcessTableOptions, processSettings } from './process-table-options.ts'
import type { BackgroundProcess, ProcessList } from './process-types.ts'
import { TenantProcesses } from './tenant-processes.ts'

/** Milliseconds that a stop has for the store, beside the end of the processes. */
const storeGraceMs = 5_000

/** Told of a process of a tenant, as it is now. */
export type ProcessListener = (process: BackgroundProcess, tenant: TenantId) => void

/**
 * Runs the processes of tools in sandboxes: they have names, their output can be read while they run, and they are ended with the node that has started them.
 * A table is a part of one BeamClaw at a time. Throws `invalid-option`.
 *
 * @example
 * const processes = new ProcessTable({ sandboxes: [sandbox] })
 * const claw = new BeamClaw({ providers, agents, parts: [processes] })
 */
export class ProcessTable implements Part<ResourceActor> {
  readonly id = 'processes'
  readonly level = 'tenant'
  readonly #settings: ProcessSettings
  readonly #tenants = new Map<string, TenantProcesses>()
  readonly #listeners = new Set<ProcessListener>()

  constructor(options: ProcessTableOptions) {
    this.#settings = processSettings(options)
  }

  start(host: PartHost): PartSpec<ResourceActor> {
    return {
      // Each process has `killAfterMs` to end, and as long again until it counts as a survivor.
      shutdownMs: this.#settings.killAfterMs * 3 + storeGraceMs,
      startTimeoutMs: this.#settings.killAfterMs * 2 + 30_000,
      start: () => {
        if (this.#tenants.get(host.tenant)?.isReleased === false) throw alreadyUsed()
        const list = new TenantProcesses(host, this.#settings, (process) => this.#tell(process, host))
        this.#tenants.set(host.tenant, list)
        return new ResourceActor({ open: () => list.open(), close: () => list.close(), release: () => list.release() })
      },
    }
  }

  /** Calls the listener when a process runs, goes to the background or has ended, in any tenant. Returns what ends that. */
  onChange(listener: ProcessListener): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  #tell(process: BackgroundProcess, { tenant, services }: PartHost): void {
    for (const listener of [...this.#listeners]) {
      try {
        listener(process, tenant)
      } catch (error) {
        services.logger.log('error', 'process.listener-failed', { process: process.id, error: describeError(error) })
      }
    }
  }

  /** Returns the processes of a tenant. Throws `actor-not-running` while this part does not run there. */
  of(tenant: string = defaultTenant): ProcessList {
    const list = this.#tenants.get(tenant)
    if (list !== undefined && !list.isReleased) return list
    const problem = `The table of processes does not run in tenant "${tenant}"; give it to \`parts\` of the BeamClaw`
    throw new BeamClawError('actor-not-running', problem, { details: { tenant } })
  }
}

function alreadyUsed(): BeamClawError {
  const problem = 'ProcessTable: this table is a part of a BeamClaw that runs; make one for each'
  return new BeamClawError('invalid-option', problem, { details: { owner: 'ProcessTable' } })
}
