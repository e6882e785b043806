/** Counts usage and cost of model calls, and enforces budgets. */
import {
  BeamClawError,
  type Clock,
  defaultTenant,
  type Logger,
  type ModelPrice,
  type Part,
  ResourceActor,
  type Store,
  systemServices,
  type TimerHandle,
  type Usage,
} from '@beamclaw/core'
import { anArray, anObject, checkOptions, describeError, duration, integer, text } from '@beamclaw/core/adapter'
import type { ModelGuard } from '../../model-guard.ts'
import { checkPrices, costOf, type PriceTable, priceOf } from './price-table.ts'
import { SteadyTime } from './steady-time.ts'
import { UsageBooks } from './usage-books.ts'
import { BudgetAccounts, checkBudgets, spendingOf } from './usage-budget.ts'
import { dayOf, isSameMonth } from './usage-days.ts'
import { type CallOutcome, type UsageReservation, usageGuard } from './usage-guard.ts'
import { type UsageLabelDefaults, type UsageLedgerOptions, usageLedgerDefaults } from './usage-ledger-options.ts'
import { reportOf, type UsageReportLine, type UsageReportOptions } from './usage-report.ts'
import { addCounts, noCounts, type UsageCounts, type UsageLabels, type UsageRow, wholeUsage } from './usage-rows.ts'

/** Number of calls whose id is remembered, so that a repeat counts nothing. */
const maxCallIds = 10_000

/** Longest pause between attempts to save, in milliseconds. */
const maxFlushPauseMs = 60_000

/**
 * Counts calls, tokens and cost by provider, model, agent, tenant and day, and enforces budgets. Several nodes may share a store: their counts add
 * up with each save. A call costs what `prices` say, else what the provider behind the guard knows of its model. Constructor throws `invalid-option`.
 *
 * Phases: `new → loading → ready → stopped`; `part` opens it again for the next start. Owns its books, accounts and flush timer; the store is the
 * host's.
 *
 * - I1: the expected cost of a call counts against budgets until the call settles, so that parallel calls cannot spend the same rest twice.
 * - I2: with budgets, no guarded call begins before the amounts spent so far are loaded.
 * - I3: saves run one at a time, and no load overlaps with one: each waits for what was under way when it was asked for.
 * - I4: a failed save loses nothing: the rows stay, and the save is retried after a pause that doubles.
 *
 * @example
 * await using ledger = new UsageLedger({ prices: { 'acme/*': { input: 3, output: 15 } }, budgets: [{ id: 'all', maxCostUsd: 20 }] })
 * const provider = guarded(acme, [ledger.guard({ provider: 'acme' })])
 * ledger.report({ by: 'agent' })
 */
export class UsageLedger implements AsyncDisposable {
  #prices: PriceTable
  readonly #hasBudgets: boolean
  readonly #accounts: BudgetAccounts
  readonly #store: Store | undefined
  readonly #flushMs: number
  readonly #reserveOutputTokens: number
  readonly #clock: Clock
  readonly #time: SteadyTime
  readonly #logger: Logger
  readonly #books: UsageBooks
  readonly #calls = new Map<string, UsageReservation>()
  #starting: Promise<void> | undefined
  #saving: Promise<void> = Promise.resolve()
  #timer: TimerHandle | undefined
  #failedSaves = 0
  #isStopped = false

  constructor(options: UsageLedgerOptions = {}) {
    checkOptions<UsageLedgerOptions>('UsageLedger', options, {
      prices: anObject,
      budgets: anArray,
      store: anObject,
      storeKey: anArray,
      flushMs: duration(),
      daysKept: integer(31, 36_500),
      maxRowsPerDay: integer(1),
      reserveOutputTokens: integer(0),
      services: anObject,
    })
    const { prices = usageLedgerDefaults.prices, budgets = usageLedgerDefaults.budgets } = options
    checkPrices('UsageLedger', prices)
    checkBudgets('UsageLedger', budgets)
    const { clock, logger, ids } = systemServices(options.services)
    this.#prices = { ...prices }
    this.#hasBudgets = budgets.length > 0
    this.#accounts = new BudgetAccounts([...budgets])
    this.#store = options.store
    this.#flushMs = options.flushMs ?? usageLedgerDefaults.flushMs
    this.#reserveOutputTokens = options.reserveOutputTokens ?? usageLedgerDefaults.reserveOutputTokens
    this.#clock = clock
    this.#time = new SteadyTime(clock.now(), clock.monotonic())
    this.#logger = logger
    this.#books = new UsageBooks({
      store: options.store,
      storeKey: options.storeKey ?? usageLedgerDefaults.storeKey,
      daysKept: options.daysKept ?? usageLedgerDefaults.daysKept,
      maxRowsPerDay: options.maxRowsPerDay ?? usageLedgerDefaults.maxRowsPerDay,
      writer: ids.next('usage'),
      logger,
      today: () => dayOf(this.#now()),
      onNews: (day, rows) => this.#spend(day, rows),
    })
  }

  /** Loads the stored days; without it the first guarded call does so. Rejects with the store's error, and may then be called again. */
  start(): Promise<void> {
    this.#starting ??= this.#load(this.#saving).catch((error: unknown) => {
      this.#starting = undefined
      throw error
    })
    return this.#starting
  }

  /** Saves unsaved rows; later calls are counted in memory only. Rejects with the store's error, and may then be called again. */
  async stop(): Promise<void> {
    this.#isStopped = true
    this.#timer?.cancel()
    this.#timer = undefined
    await this.flush()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop()
  }

  /**
   * Returns a part that saves the ledger when its BeamClaw stops: after the sessions that use it, before the store.
   *
   * @example
   * const claw = new BeamClaw({ providers, agents, store, parts: [ledger.part()] })
   */
  part(): Part {
    const open = (): void => {
      this.#isStopped = false
    }
    return { id: 'usage', level: 'node', start: () => ({ start: () => new ResourceActor({ open, close: () => this.stop() }) }) }
  }

  /** Replaces the prices, for calls that end from now on. Throws `invalid-option`, and then keeps the old ones. */
  setPrices(prices: PriceTable): void {
    checkPrices('UsageLedger.setPrices', prices)
    this.#prices = { ...prices }
  }

  /**
   * Returns a guard that counts calls under these labels and keeps them within the budgets: a call for which one has no room throws
   * `provider-billing` before it is made, with `details.budget`. A model that `prices` do not have costs what its provider's `modelFacts` say.
   * Throws `invalid-option`.
   *
   * @example
   * const counted = guarded(provider, [ledger.guard({ provider: 'anthropic', agent: 'ops' })])
   */
  guard(labels: UsageLabelDefaults): ModelGuard {
    checkOptions<UsageLabelDefaults>('UsageLedger.guard', labels, { provider: text(128), agent: text(128), tenant: text(128) }, [
      'provider',
    ])
    const { provider, agent = 'none', tenant = defaultTenant } = labels
    const meter = { ready: () => this.#ready(), reserve: this.#reserve.bind(this) }
    return usageGuard(meter, { provider, agent, tenant }, this.#reserveOutputTokens)
  }

  /**
   * Reserves what a call may use. Throws `provider-billing` with `details.budget` when a budget has no room. A repeat with the same `callId` returns
   * the first reservation and is counted once.
   */
  reserve(labels: UsageLabels, expected: Usage, callId?: string): UsageReservation {
    const known = callId === undefined ? undefined : this.#calls.get(callId)
    if (known !== undefined) return known
    const reservation = this.#reserve(labels, expected)
    if (callId !== undefined) {
      this.#calls.set(callId, reservation)
      const [oldest] = this.#calls.keys()
      if (oldest !== undefined && this.#calls.size > maxCallIds) this.#calls.delete(oldest)
    }
    return reservation
  }

  /** Returns the usage, summed up by any of provider, model, agent, tenant and day. Throws `invalid-option`. */
  report(options: UsageReportOptions = {}): readonly UsageReportLine[] {
    checkOptions<UsageReportOptions>('UsageLedger.report', options, {
      by: () => undefined,
      from: text(10),
      to: text(10),
      where: anObject,
    })
    return reportOf(this.#books.days(), options)
  }

  /** Saves unsaved rows. Rejects with the store's error; the rows then stay unsaved. */
  flush(): Promise<void> {
    const starting = this.#starting
    const saved = this.#saving.then(() => this.#save(starting))
    this.#saving = saved.catch(() => {})
    return saved
  }

  #reserve(labels: UsageLabels, expected: Usage, told?: ModelPrice): UsageReservation {
    const wallMs = this.#now()
    this.#turnTo(dayOf(wallMs))
    const counts = this.#counts(labels, { usage: expected }, told)
    let giveBack: () => void
    try {
      giveBack = this.#accounts.reserve(labels, spendingOf(counts), counts.unpriced === 0, wallMs)
    } catch (error) {
      this.#record(labels, { ...noCounts, refused: 1 })
      throw error
    }
    let isOpen = true
    const end = (outcome?: CallOutcome): void => {
      if (!isOpen) return
      isOpen = false
      giveBack()
      if (outcome !== undefined) this.#record(labels, this.#counts(labels, outcome, told))
    }
    return { settle: end, release: () => end() }
  }

  #counts(labels: UsageLabels, { usage: given, hasFailed = false, isEstimated = false }: CallOutcome, told?: ModelPrice): UsageCounts {
    const usage = wholeUsage(given)
    const price = priceOf(this.#prices, labels.provider, labels.model) ?? told
    return addCounts(noCounts, {
      requests: 1,
      failures: hasFailed ? 1 : 0,
      estimated: isEstimated ? 1 : 0,
      unpriced: price === undefined ? 1 : 0,
      ...usage,
      costNanoUsd: price === undefined ? 0 : costOf(usage, price),
    })
  }

  /** Counts a call on the day it ends. */
  #record(labels: UsageLabels, counts: UsageCounts): void {
    const day = dayOf(this.#now())
    this.#turnTo(day)
    this.#accounts.spend(labels, day, spendingOf(counts))
    this.#books.add(day, labels, counts)
    this.#saveLater(this.#flushMs)
  }

  /** Returns the wall time. A wall clock that jumps must not open a budget's next window early. */
  #now(): number {
    return this.#time.at(this.#clock.now(), this.#clock.monotonic())
  }

  #turnTo(today: string): void {
    if (!this.#accounts.turnTo(today)) return
    for (const [day, rows] of this.#books.days()) if (isSameMonth(day, today)) this.#spend(day, rows.values())
  }

  #spend(day: string, rows: Iterable<UsageRow>): void {
    for (const { labels, counts } of rows) this.#accounts.spend(labels, day, spendingOf(counts))
  }

  /** Waits for the load. With budgets, a failed load rejects: a limit on an unknown amount would be no limit. */
  async #ready(): Promise<void> {
    try {
      await this.start()
    } catch (error) {
      this.#logger.log('error', 'usage.load-failed', { error: describeError(error) })
      if (!this.#hasBudgets) return
      const details = { refusedBy: 'usage-ledger', limit: 'unknown' }
      throw new BeamClawError('provider-billing', 'The budgets cannot be checked, because the usage so far cannot be read from the store', {
        cause: error,
        isRetryable: true,
        details,
      })
    }
  }

  async #load(saving: Promise<void>): Promise<void> {
    if (this.#store === undefined) return
    await saving
    this.#turnTo(dayOf(this.#now()))
    await this.#books.load()
  }

  #saveLater(delayMs: number): void {
    if (this.#store === undefined || this.#isStopped || this.#timer !== undefined) return
    const save = (): void => {
      this.#timer = undefined
      this.flush().catch((error: unknown) => this.#logger.log('error', 'usage.save-failed', { error: describeError(error) }))
    }
    this.#timer = this.#clock.setTimer(save, delayMs, true)
  }

  async #save(starting: Promise<void> | undefined): Promise<void> {
    // A failed load is reported to its own caller.
    await starting?.catch(() => {})
    try {
      await this.#books.save()
      this.#failedSaves = 0
    } catch (error) {
      this.#failedSaves++
      this.#saveLater(Math.min(maxFlushPauseMs, Math.max(this.#flushMs, 1_000) * 2 ** Math.min(this.#failedSaves, 10)))
      throw error
    }
  }
}
