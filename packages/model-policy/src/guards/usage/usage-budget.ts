/** Hard spending limits: the expected cost of a call is reserved before it, and replaced by its actual cost after it. */
import { BeamClawError } from '@beamclaw/core'
import { checkOptions, integer, type OptionRule, oneOf, text } from '@beamclaw/core/adapter'
import { anAmount } from '../../option-rules.ts'
import { nanoPerUsd } from './price-table.ts'
import { untilWindowEnds, windowOf } from './usage-days.ts'
import type { UsageCounts, UsageLabels } from './usage-rows.ts'

/** A limit on what calls may spend together. The optional labels restrict it to matching calls. */
export interface UsageBudget {
  /** Names the budget in errors; unique. */
  readonly id: string
  /** Only calls with this label count. @default any */
  readonly provider?: string
  /** Only calls with this label count. @default any */
  readonly model?: string
  /** Only calls with this label count. @default any */
  readonly agent?: string
  /** Only calls with this label count. @default any */
  readonly tenant?: string
  /** Gives each value of this label a budget of its own, for example each tenant. @default one budget for all */
  readonly each?: 'provider' | 'agent' | 'tenant'
  /** The window after which the budget is renewed, in UTC. @default 'day' */
  readonly per?: 'day' | 'month'
  /** US dollars. Calls to models whose price is not known are refused. @default no limit */
  readonly maxCostUsd?: number
  /** Tokens of all kinds. @default no limit */
  readonly maxTokens?: number
  /** Number of calls. @default no limit */
  readonly maxRequests?: number
}

/** Defaults for `UsageBudget`. */
export const usageBudgetDefaults = { per: 'day' } as const satisfies Partial<UsageBudget>

/** The amounts that budgets count. */
export interface Spending {
  readonly requests: number
  readonly tokens: number
  readonly costNanoUsd: number
}

/** Throws `invalid-option` for a bad budget. */
export function checkBudgets(owner: string, budgets: readonly UsageBudget[]): void {
  const label: OptionRule = text()
  const ids = new Set<string>()
  for (const [index, budget] of budgets.entries()) {
    const name = `${owner} budgets[${index}]`
    checkOptions<UsageBudget>(
      name,
      budget,
      {
        id: text(128),
        provider: label,
        model: label,
        agent: label,
        tenant: label,
        each: oneOf('provider', 'agent', 'tenant'),
        per: oneOf('day', 'month'),
        maxCostUsd: anAmount,
        maxTokens: integer(0),
        maxRequests: integer(0),
      },
      ['id'],
    )
    if (ids.has(budget.id)) throw new BeamClawError('invalid-option', `${name}: option "id" must be unique, received "${budget.id}" twice`)
    ids.add(budget.id)
    if (budget.maxCostUsd === undefined && budget.maxTokens === undefined && budget.maxRequests === undefined) {
      throw new BeamClawError('invalid-option', `${name}: a budget needs maxCostUsd, maxTokens or maxRequests`)
    }
  }
}

/** The amounts spent and reserved of one budget in one window. */
interface Account {
  readonly per: 'day' | 'month'
  window: string
  spent: Spending
  reserved: Spending
  /** Calls with a reservation. */
  reservations: number
}

const nothing: Spending = { requests: 0, tokens: 0, costNanoUsd: 0 }

/**
 * The accounts of all budgets in their current windows.
 *
 * - I1: a call is reserved in every budget that covers it, or in none.
 * - I2: a reservation counts against its budgets until it is released, also across the end of a window.
 */
export class BudgetAccounts {
  readonly #budgets: readonly UsageBudget[]
  readonly #accounts = new Map<string, Account>()
  #today = ''

  constructor(budgets: readonly UsageBudget[]) {
    this.#budgets = budgets
  }

  /** Number of accounts in memory. */
  get size(): number {
    return this.#accounts.size
  }

  /** Adds what was spent on `day`, if its window is current. */
  spend(labels: UsageLabels, day: string, spent: Spending): void {
    for (const budget of this.#budgets) {
      if (!covers(budget, labels) || windowOf(day, periodOf(budget)) !== windowOf(this.#today, periodOf(budget))) continue
      const account = this.#account(budget, labels)
      account.spent = plus(account.spent, spent, 1)
    }
  }

  /**
   * Reserves `expected` in every budget that covers the call. Throws `provider-billing` when one has no room, and then reserves nothing. Returns a
   * function that releases the reservation; only its first call counts.
   */
  reserve(labels: UsageLabels, expected: Spending, hasPrice: boolean, wallMs: number): () => void {
    const accounts: Account[] = []
    for (const budget of this.#budgets) {
      if (!covers(budget, labels)) continue
      const account = this.#account(budget, labels)
      const limit = exceeded(budget, plus(plus(account.spent, account.reserved, 1), expected, 1), hasPrice)
      if (limit !== undefined) throw refusal(budget, labels, limit, account, wallMs)
      accounts.push(account)
    }
    for (const account of accounts) {
      account.reserved = plus(account.reserved, expected, 1)
      account.reservations++
    }
    return () => {
      for (const account of accounts.splice(0)) {
        account.reserved = plus(account.reserved, expected, -1)
        account.reservations--
      }
    }
  }

  /**
   * Changes the current day. Accounts of other windows start again, except for the reservations of calls under way, which will be spent in the new
   * one. When it returns true, the caller must add the amounts spent in the current window again.
   */
  turnTo(day: string): boolean {
    if (day === this.#today) return false
    this.#today = day
    for (const [key, account] of this.#accounts) {
      const isOver = account.window !== windowOf(day, account.per)
      account.window = windowOf(day, account.per)
      account.spent = nothing
      if (isOver && account.reservations === 0) this.#accounts.delete(key)
    }
    return true
  }

  #account(budget: UsageBudget, labels: UsageLabels): Account {
    const key = JSON.stringify([budget.id, budget.each === undefined ? '' : labels[budget.each]])
    const known = this.#accounts.get(key)
    if (known !== undefined) return known
    const per = periodOf(budget)
    const account = { per, window: windowOf(this.#today, per), spent: nothing, reserved: nothing, reservations: 0 }
    this.#accounts.set(key, account)
    return account
  }
}

/** Returns the amounts of a row that budgets count. */
export function spendingOf(counts: UsageCounts): Spending {
  const { requests, inputTokens, outputTokens, cacheReadTokens, cacheWriteTokens, costNanoUsd } = counts
  return { requests, tokens: inputTokens + outputTokens + cacheReadTokens + cacheWriteTokens, costNanoUsd }
}

function periodOf({ per = usageBudgetDefaults.per }: UsageBudget): 'day' | 'month' {
  return per
}

function covers(budget: UsageBudget, labels: UsageLabels): boolean {
  return (['provider', 'model', 'agent', 'tenant'] as const).every((name) => budget[name] === undefined || budget[name] === labels[name])
}

function plus(a: Spending, b: Spending, sign: 1 | -1): Spending {
  return {
    requests: a.requests + sign * b.requests,
    tokens: a.tokens + sign * b.tokens,
    costNanoUsd: a.costNanoUsd + sign * b.costNanoUsd,
  }
}

type Limit = 'maxCostUsd' | 'maxTokens' | 'maxRequests' | 'price'

function exceeded({ maxCostUsd, maxTokens, maxRequests }: UsageBudget, total: Spending, hasPrice: boolean): Limit | undefined {
  // A limit on an unknown amount would be no limit.
  if (maxCostUsd !== undefined && !hasPrice) return 'price'
  if (maxCostUsd !== undefined && total.costNanoUsd > maxCostUsd * nanoPerUsd) return 'maxCostUsd'
  if (maxTokens !== undefined && total.tokens > maxTokens) return 'maxTokens'
  return maxRequests !== undefined && total.requests > maxRequests ? 'maxRequests' : undefined
}

function refusal(budget: UsageBudget, labels: UsageLabels, limit: Limit, account: Account, wallMs: number): BeamClawError {
  const why =
    limit === 'price'
      ? `cannot be checked for "${labels.provider}/${labels.model}", which has no price: set one (0 if it is free)`
      : `has no room for this call until the end of the ${periodOf(budget)} (${limit} ${budget[limit]})`
  return new BeamClawError('provider-billing', `The budget "${budget.id}" ${why}`, {
    ...(limit === 'price' ? {} : { retryAfterMs: untilWindowEnds(wallMs, periodOf(budget)) }),
    details: {
      refusedBy: 'usage-ledger',
      budget: budget.id,
      limit,
      window: account.window,
      spent: inDollars(account.spent),
      reserved: inDollars(account.reserved),
      labels,
    },
  })
}

function inDollars({ requests, tokens, costNanoUsd }: Spending): { requests: number; tokens: number; costUsd: number } {
  return { requests, tokens, costUsd: costNanoUsd / nanoPerUsd }
}
