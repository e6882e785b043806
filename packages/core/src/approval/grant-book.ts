/** The grants of a tenant: documents, kept in memory while it runs. */

import type { Clock, IdGenerator, Logger } from '@beamclaw/actor'
import type { Grant } from '../base/approval.ts'
import { BeamClawError, describeError } from '../base/errors.ts'
import type { SessionKey, TenantId } from '../base/ids.ts'
import type { JsonObject } from '../base/messages.ts'
import { keysBelow } from '../defaults/keys-below.ts'
import type { Store } from '../ports/store.ts'
import type { Permit } from '../tool/tool-plan.ts'
import { type ActedFor, isCovered } from './grant-match.ts'

export interface GrantBookOptions {
  readonly tenant: TenantId
  readonly store: Store
  readonly clock: Clock
  readonly ids: IdGenerator
  readonly logger: Logger
}

/** Grants of one tenant: more would make every call slow. */
const maxGrants = 10_000

export class GrantBook {
  readonly #options: GrantBookOptions
  readonly #grants = new Map<string, Grant>()

  constructor(options: GrantBookOptions) {
    this.#options = options
  }

  /**
   * Reads the grants; again, also those that another node has made or taken back meanwhile. One that cannot be read allows nothing, and is logged. Rejects
   * as the store does.
   */
  async open(): Promise<void> {
    const { store, tenant, logger } = this.#options
    const before = [...this.#grants.keys()]
    const found = new Set<string>()
    for await (const key of keysBelow(store, [tenant, 'grants'])) {
      const value = (await store.get(key))?.value
      const grant = readGrant(value)
      if (grant !== undefined) found.add(grant.id)
      if (grant !== undefined) this.#grants.set(grant.id, grant)
      else if (value !== undefined) logger.log('error', 'approval.grant-unreadable', { grant: key.at(-1) ?? '' })
    }
    for (const id of before) if (!found.has(id)) this.#grants.delete(id)
  }

  get all(): readonly Grant[] {
    return [...this.#grants.values()]
  }

  covers(permits: readonly Permit[] | undefined, origin: ActedFor): boolean {
    return isCovered(permits, origin, this.#grants.values())
  }

  /** Adds a grant; it counts once it is durable. Rejects `overloaded` when there are too many, and as the store does. */
  async add(grant: Omit<Grant, 'id' | 'createdAt'>): Promise<Grant> {
    const same = this.all.find((known) => isSame(known, grant))
    if (same !== undefined) return same
    if (this.#grants.size >= maxGrants)
      throw new BeamClawError('overloaded', `There are ${maxGrants} grants, which is all there may be; revoke some`, {
        retryAfterMs: 60_000,
      })
    const { store, tenant, clock, ids } = this.#options
    const made: Grant = Object.freeze({ ...grant, id: ids.next('grant'), createdAt: clock.now() })
    await store.put([tenant, 'grants', made.id], made as unknown as JsonObject)
    this.#grants.set(made.id, made)
    return made
  }

  /** Takes a grant back; it counts no more from this moment on. Resolves with false for one that there is not. Rejects as the store does. */
  async revoke(id: string): Promise<boolean> {
    const { store, tenant } = this.#options
    const wasKnown = this.#grants.delete(id)
    return (await store.delete([tenant, 'grants', id])) || wasKnown
  }

  /** Takes back what was granted to one session, which is deleted. */
  forgetSession(sessionKey: SessionKey): void {
    for (const { id, scope, sessionKey: own } of this.all) {
      if (scope !== 'session' || own !== sessionKey) continue
      this.revoke(id).catch((error: unknown) => {
        this.#options.logger.log('warn', 'approval.grant-not-removed', { grant: id, error: describeError(error) })
      })
    }
  }
}

function isSame(a: Omit<Grant, 'id' | 'createdAt'>, b: Omit<Grant, 'id' | 'createdAt'>): boolean {
  const { scope, sessionKey, agentId, subject, args } = a
  return (
    JSON.stringify([scope, sessionKey, agentId, subject, args]) === JSON.stringify([b.scope, b.sessionKey, b.agentId, b.subject, b.args])
  )
}

/** Returns a grant from a document; undefined for anything that is none. */
function readGrant(value: unknown): Grant | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  const { id, scope, subject, args, sessionKey, agentId } = value as Partial<Grant>
  const isWhole =
    typeof id === 'string' && typeof subject === 'string' && Array.isArray(args) && args.every((one) => typeof one === 'string')
  if (!isWhole) return undefined
  if (scope === 'session' ? typeof sessionKey !== 'string' : scope === 'agent' ? typeof agentId !== 'string' : scope !== 'tenant')
    return undefined
  return Object.freeze(value as Grant)
}
