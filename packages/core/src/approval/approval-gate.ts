/**
 * The approvals of a tenant, as a host or a person answers them: the requests that wait, their decisions, and the grants that were remembered.
 *
 * Owns the waiting requests and the grants. What was decided is in the journals of the sessions: the first decision that is durable there holds.
 */
import type { SystemServices } from '@beamclaw/actor'
import { checkOptions, definedOnly, integer, oneOf, readOptions, text } from '@beamclaw/actor/internal'
import type { ApprovalAnswer, ApprovalRequest, ApprovalScope, Grant } from '../base/approval.ts'
import { BeamClawError } from '../base/errors.ts'
import { parseAgentId, parseSessionKey, type SessionKey, type TenantId } from '../base/ids.ts'
import type { Store } from '../ports/store.ts'
import type { Permit } from '../tool/tool-plan.ts'
import { GrantBook } from './grant-book.ts'
import { type ActedFor, type CallOrigin, covers, exactly } from './grant-match.ts'
import { isOver, PendingApprovals } from './pending-approvals.ts'

/** Has a session record a decision. Resolves with false for an expiry whose time is not over yet. Rejects `already-resolved` and `unknown-approval`. */
export type Decide = (sessionKey: SessionKey, id: string, answer: ApprovalAnswer) => Promise<boolean>

export interface ApprovalGateOptions {
  readonly tenant: TenantId
  readonly store: Store
  readonly services: SystemServices
  readonly decide: Decide
  /** Resolves once the other nodes have read the grants again, as far as they answer. Never rejects. */
  readonly onGrantsChanged: () => Promise<void>
}

/** Options of `ApprovalGate.list`. */
export interface ListApprovalsOptions {
  /** Only those of one session. @default all */
  readonly sessionKey?: string
  /** Maximum requests. @default 1000 */
  readonly limit?: number
}

/** Options of `ApprovalGate.approve`. */
export interface ApproveOptions {
  /** Who approves, as the record names them: a user, a device. @default 'host' */
  readonly by?: string
  /** How far it reaches. Other than `once` it makes a grant for what the call does. @default 'once' */
  readonly scope?: ApprovalScope
  /** Patterns for the grants, in the place of the exact arguments; together they must cover the call. @default the call's own permits */
  readonly patterns?: readonly Permit[]
}

/** Options of `ApprovalGate.deny`. */
export interface DenyOptions {
  /** Who denies. @default 'host' */
  readonly by?: string
  /** Told to the model. @default none */
  readonly reason?: string
}

/** A grant that a host makes without a request. */
export interface GrantOptions extends Permit {
  readonly scope: Exclude<ApprovalScope, 'once'>
  readonly sessionKey?: string
  readonly agentId?: string
  readonly by?: string
}

/** What is told about a decision: the grants that it made. */
export interface ApprovalReceipt {
  readonly id: string
  readonly sessionKey: SessionKey
  readonly grants: readonly Grant[]
}

const aList = (value: unknown): string | undefined => (Array.isArray(value) ? undefined : 'a list of { subject, args }')

/** Decisions that are remembered, to tell a later answer that it comes too late. */
const rememberedDecisions = 1_000

/**
 * The approvals of one tenant, at `running.approvals` and `running.tenant(id).approvals`.
 *
 * @example
 * for (const { id, display } of await running.approvals.list()) if (await ask(display)) await running.approvals.approve(id)
 */
export class ApprovalGate {
  readonly #options: ApprovalGateOptions
  readonly #grants: GrantBook
  readonly #pending: PendingApprovals
  #actsFor: (sessionKey: SessionKey) => ActedFor | undefined = () => undefined
  readonly #decided = new Map<string, ApprovalAnswer['decision'] | undefined>()

  /** Made by core, one for each tenant. */
  constructor(options: ApprovalGateOptions) {
    const { tenant, store, services, decide } = options
    const { clock, ids, logger } = services
    this.#options = options
    this.#grants = new GrantBook({ tenant, store, clock, ids, logger })
    this.#pending = new PendingApprovals({
      tenant,
      store,
      clock,
      logger,
      expire: (sessionKey, id) => decide(sessionKey, id, { decision: 'expired' }),
    })
  }

  /** The tenant whose approvals these are. */
  get tenant(): TenantId {
    return this.#options.tenant
  }

  /** Resolves with the requests that wait. Rejects `invalid-option` and `invalid-session-key`, and as the store does. */
  async list(given: ListApprovalsOptions = {}): Promise<readonly ApprovalRequest[]> {
    const options = readOptions('approvals.list', given)
    checkOptions<ListApprovalsOptions>('approvals.list', options, { sessionKey: text(1_000), limit: integer(1, 10_000) })
    const sessionKey = options.sessionKey === undefined ? undefined : parseSessionKey(options.sessionKey)
    const found: ApprovalRequest[] = []
    for await (const request of this.#pending.all()) {
      if (sessionKey !== undefined && request.sessionKey !== sessionKey) continue
      found.push(request)
      if (found.length >= (options.limit ?? 1_000)) break
    }
    return found.sort((a, b) => a.expiresAt - b.expiresAt)
  }

  /** Resolves with one request. Rejects `already-resolved` and `unknown-approval`, and as the store does. */
  async get(id: string): Promise<ApprovalRequest> {
    if (typeof id !== 'string' || id === '' || id.length > 64) throw unknownApproval(id)
    const request = this.#decided.has(id) ? undefined : await this.#pending.get(id)
    if (request !== undefined) return request
    if (this.#decided.has(id)) throw alreadyResolved(id, this.#decided.get(id))
    throw unknownApproval(id)
  }

  /**
   * Approves a request: the call runs. Resolves once the decision is durable. Rejects `already-resolved` when it was decided before or has expired,
   * `unknown-approval`, `invalid-option` for a scope without permits or patterns that do not cover the call, and as the session and the store do.
   */
  async approve(id: string, given: ApproveOptions = {}): Promise<ApprovalReceipt> {
    const options = readOptions('approvals.approve', given)
    checkOptions<ApproveOptions>('approvals.approve', options, {
      by: text(256),
      scope: oneOf('once', 'session', 'agent', 'tenant'),
      patterns: aList,
    })
    const { by = 'host', scope = 'once' } = options
    const request = await this.get(id)
    const grants = scope === 'once' ? [] : grantsFor({ ...request, ...definedOnly(this.#originOf(request)) }, scope, by, options.patterns)
    await this.#decide(request, { decision: 'approved', by, scope })
    // After the decision: one that came too late must allow nothing.
    const made: Grant[] = []
    for (const grant of grants) made.push(await this.#grants.add(grant))
    if (made.length > 0) await this.#options.onGrantsChanged()
    return { id, sessionKey: request.sessionKey, grants: made }
  }

  /** Denies a request: the model reads that, and the reason. Rejects as `approve` does. */
  async deny(id: string, given: DenyOptions = {}): Promise<ApprovalReceipt> {
    const options = readOptions('approvals.deny', given)
    checkOptions<DenyOptions>('approvals.deny', options, { by: text(256), reason: text(2_000) })
    const request = await this.get(id)
    await this.#decide(request, { decision: 'denied', by: options.by ?? 'host', ...definedOnly({ reason: options.reason }) })
    return { id, sessionKey: request.sessionKey, grants: [] }
  }

  /** The grants, in no order. */
  grants(): readonly Grant[] {
    return this.#grants.all
  }

  /** Allows something without a request. Rejects `invalid-option`, `invalid-id`, `invalid-session-key`, and as the store does. */
  async grant(given: GrantOptions): Promise<Grant> {
    const options = readOptions('approvals.grant', given)
    checkOptions<GrantOptions>(
      'approvals.grant',
      options,
      {
        scope: oneOf('session', 'agent', 'tenant'),
        subject: text(4_096),
        args: aList,
        sessionKey: text(1_000),
        agentId: text(64),
        by: text(256),
      },
      ['scope', 'subject', 'args'],
    )
    const { scope, by = 'host', sessionKey, agentId } = options
    const { subject, args } = checkedPermit(options, 'approvals.grant')
    const reach =
      scope === 'session'
        ? { sessionKey: parseSessionKey(needed(sessionKey, 'sessionKey')) }
        : scope === 'agent'
          ? { agentId: parseAgentId(needed(agentId, 'agentId')) }
          : {}
    const made = await this.#grants.add({ scope, ...reach, subject, args, by })
    await this.#options.onGrantsChanged()
    return made
  }

  /** Takes a grant back, from the next call on, on each node that answers within two seconds. Rejects `unknown-approval` for one that there is not, and as the store does. */
  async revoke(grantId: string): Promise<void> {
    if (typeof grantId !== 'string' || grantId === '' || grantId.length > 128 || !(await this.#grants.revoke(grantId)))
      throw new BeamClawError('unknown-approval', 'There is no grant with that id; list the grants to see those there are')
    await this.#options.onGrantsChanged()
  }

  async #decide({ id, sessionKey }: ApprovalRequest, answer: ApprovalAnswer): Promise<void> {
    try {
      await this.#options.decide(sessionKey, id, answer)
    } catch (error) {
      if (!isOver(error)) throw error
      this.#pending.remove(id)
      if (!this.#decided.has(id)) this.#remember(id, undefined)
      throw BeamClawError.isInstance(error, 'already-resolved') ? error : alreadyResolved(id, this.#decided.get(id))
    }
  }

  #originOf({ sessionKey, agentId }: CallOrigin): ActedFor {
    return this.#actsFor(sessionKey) ?? { sessionKey, agentId }
  }

  #remember(id: string, decision: ApprovalAnswer['decision'] | undefined): void {
    this.#decided.set(id, decision)
    for (const oldest of this.#decided.keys()) {
      if (this.#decided.size <= rememberedDecisions) return
      this.#decided.delete(oldest)
    }
  }

  /** What core calls; no part of what hosts use. @internal */
  readonly inner: ApprovalDesk = {
    open: async () => {
      await Promise.all([this.#grants.open(), this.#pending.open()])
    },
    close: () => this.#pending.close(),
    readGrants: () => this.#grants.open(),
    decided: (id, decision) => this.#remember(id, decision),
    covers: (permits, origin) => this.#grants.covers(permits, this.#originOf(origin)),
    actFor: (origins) => {
      this.#actsFor = origins
    },
    prepare: (request) => this.#pending.prepare(request),
    recorded: (id) => this.#pending.recorded(id),
    withdraw: (id) => this.#pending.remove(id),
    follow: (sessionKey, requests, { decided, ...change } = {}) => {
      if (decided !== undefined) this.#remember(decided.id, decided.answer.decision)
      this.#pending.follow(sessionKey, requests, change)
    },
    written: (sessionKey) => this.#pending.written(sessionKey),
    forgetSession: (sessionKey) => {
      this.#pending.follow(sessionKey, [])
      this.#grants.forgetSession(sessionKey)
    },
  }
}

/** A change of the requests of a session. */
export interface ApprovalChange {
  readonly decided?: { readonly id: string; readonly answer: ApprovalAnswer } | undefined
  /** The id of the request whose record this is. */
  readonly recorded?: string | undefined
  /** Resolves once the session is found without the requests that are over: they are kept until then. */
  readonly listed?: Promise<void>
}

/** The side of the gate that sessions use. */
export interface ApprovalDesk {
  open(): Promise<void>
  close(): void
  /** Takes a decision of another node, to tell a later answer here that it comes too late. */
  decided(id: string, decision: ApprovalAnswer['decision']): void
  /** Reads the grants again. Rejects as the store does. */
  readGrants(): Promise<void>
  /** Returns whether grants cover what a call does. */
  covers(permits: readonly Permit[] | undefined, origin: CallOrigin): boolean
  /** Names the session and the agent that a session acts for: their grants count, and not its own. It stays until another one is given. */
  actFor(origins: (sessionKey: SessionKey) => ActedFor | undefined): void
  /** Makes a request durable where it is found without its session, before its record is written. */
  prepare(request: ApprovalRequest): Promise<void>
  /** Forgets a request that was prepared and is not recorded after all. */
  withdraw(id: string): void
  /** Resolves once a request that was prepared is recorded, or needed no more; with false when that takes long. */
  recorded(id: string): Promise<boolean>
  /** Takes all requests of a session that wait now, and what goes with the change. */
  follow(sessionKey: SessionKey, requests: readonly ApprovalRequest[], change?: ApprovalChange): void
  /** Resolves with whether the waiting requests of a session are durable where they are found without it. */
  written(sessionKey: SessionKey): Promise<boolean>
  /** Removes what belongs to a session that was deleted. */
  forgetSession(sessionKey: SessionKey): void
}

/** Returns the grants of an approval. Throws `invalid-option` for a call that cannot be remembered, and for patterns that do not cover it. */
function grantsFor(
  { permits = [], sessionKey, agentId, toolName }: ApprovalRequest,
  scope: Grant['scope'],
  by: string,
  patterns: readonly Permit[] | undefined,
): Omit<Grant, 'id' | 'createdAt'>[] {
  if (permits.length === 0) {
    const problem = `What "${toolName}" would do here can be approved only once: it runs an interpreter, or is not understood in full`
    throw new BeamClawError('invalid-option', problem, { details: { option: 'scope' } })
  }
  const given = patterns?.map((pattern) => checkedPermit(pattern, 'approvals.approve'))
  const uncovered = given === undefined ? undefined : permits.find((permit) => !given.some((pattern) => covers(pattern, permit)))
  if (uncovered !== undefined)
    throw new BeamClawError('invalid-option', `approvals.approve: no pattern covers ${uncovered.subject}`, {
      details: { option: 'patterns' },
    })
  const reach = scope === 'session' ? { sessionKey } : scope === 'agent' ? { agentId } : {}
  const made = given ?? permits.map(({ subject, args }) => ({ subject, args: args.map(exactly) }))
  return made.map(({ subject, args }) => ({ scope, ...reach, subject, args, by }))
}

function checkedPermit(value: Permit, owner: string): Permit {
  const { subject, args } = readOptions(owner, value)
  const isWhole = typeof subject === 'string' && subject !== '' && Array.isArray(args) && args.every((one) => typeof one === 'string')
  if (!isWhole || args.length > 1_000)
    throw new BeamClawError('invalid-option', `${owner}: a permit is { subject, args }, with args a list of texts`)
  return { subject, args: [...args] }
}

function needed(value: string | undefined, option: string): string {
  if (value !== undefined) return value
  throw new BeamClawError('invalid-option', `approvals.grant: this scope needs option "${option}"`, { details: { option } })
}

/** Returns the error of an answer that comes too late. */
export function alreadyResolved(id: string, decision?: string): BeamClawError {
  const how =
    decision === undefined ? 'was decided before, or is needed no more' : decision === 'expired' ? 'has expired' : `was ${decision} before`
  return new BeamClawError('already-resolved', `The approval request "${id}" ${how}`, { details: definedOnly({ id, decision }) })
}

/** Returns the error of an id that names no request. */
export function unknownApproval(id: unknown): BeamClawError {
  const shown = typeof id === 'string' ? ` "${id.slice(0, 64)}"` : ''
  return new BeamClawError('unknown-approval', `There is no approval request${shown}; list those that wait to see their ids`)
}
