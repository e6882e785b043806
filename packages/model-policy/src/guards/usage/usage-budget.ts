/** Hard limits on what may be spent: what a call may cost is set aside before it, and what it did cost is counted after it. */
import { BeamClawError } from '@beamclaw/core'
import { checkOptions, integer, type OptionRule, oneOf, text } from '@beamclaw/core/adapter'
import { anAmount } from '../../option-rules.ts'
import { nanoPerUsd } from './price-table.ts'
import { untilWindowEnds, windowOf } from './usage-days.ts'
import type { UsageCounts, UsageLabels } from './usage-rows.ts'

/** What calls may spend together. */
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
  /** Gives each value of this label the whole budget, for example each tenant. @default one budget for all */
  readonly each?: 'provider' | 'agent' | 'tenant'
  /** When it starts anew, in UTC. @default 'day' */
  readonly per?: 'day' | 'month'
  /** US dollars. Models without a price are refused. @default no limit */
  readonly maxCostUsd?: number
  /** Tokens of all kinds. @default no limit */
  readonly maxTokens?: number
  /** Calls. @default no limit */
  readonly maxRequests?: number
}

/** Defaults for `UsageBudget`. */
export const usageBudgetDefaults = { per: 'day' } as const satisfies Partial<UsageBudget>

/** What is counted against budgets. */
export interface Spending {
  readonly requests: number
  readonly tokens: number
  readonly costNanoUsd: number
}

/** Throws `invalid-option` for a budget that is none. */
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
    if (ids.has(budget.id)) throw new BeamClawError('invalid-option', `${name}: option "id" must be unique, "${budget.id}" is taken`)
    ids.add(budget.id)
    if (budget.maxCostUsd === undefined && budget.maxTokens === undefined && budget.maxRequests === undefined) {
      throw new BeamClawError('invalid-option', `${name}: a budget needs maxCostUsd, maxTokens or maxRequests`)
    }
  }
}

/** What was spent and set aside of one budget in one window. */
interface Account {
  readonly per: 'day' | 'month'
  window: string
  spent: Spending
  reserved: Spending
  /** Calls for which something is set aside. */
  reservations: number
}

const nothing: Spending = { requests: 0, tokens: 0, costNanoUsd: 0 }

/** The accounts of all budgets, in the windows that are now. */
export class BudgetAccounts {
  readonly #budgets: readonly UsageBudget[]
  readonly #accounts = new Map<string, Account>()
  #today = ''

  constructor(budgets: readonly UsageBudget[]) {
    this.#budgets = budgets
  }

  /** Accounts that are kept. */
  get size(): number {
    return this.#accounts.size
  }

  /** Counts what was spent on `day`, if that is in a window that still counts. */
  spend(labels: UsageLabels, day: string, spent: Spending): void {
    for (const budget of this.#budgets) {
      if (!covers(budget, labels) || windowOf(day, periodOf(budget)) !== windowOf(this.#today, periodOf(budget))) continue
      const account = this.#account(budget, labels)
      account.spent = plus(account.spent, spent, 1)
    }
  }

  /**
   * Sets `expected` aside in every budget that covers the call, or in none: then it throws. The answer gives it back, once, however often
   * it is called.
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
   * Turns to a day: accounts of other windows start anew, but for what is set aside for calls under way, which will be spent in this one.
   * When it returns true, what was spent in this window must be told anew.
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

/** The part of a row that budgets look at. */
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
  // A limit that does not know what it counts would be none.
  if (maxCostUsd !== undefined && !hasPrice) return 'price'
  if (maxCostUsd !== undefined && total.costNanoUsd > maxCostUsd * nanoPerUsd) return 'maxCostUsd'
  if (maxTokens !== undefined && total.tokens > maxTokens) return 'maxTokens'
  return maxRequests !== undefined && total.requests > maxRequests ? 'maxRequests' : undefined
}

function refusal(budget: UsageBudget, labels: UsageLabels, limit: Limit, account: Account, wallMs: number): BeamClawError {
  const why =
    limit === 'price'
      ? `cannot be kept for "${labels.provider}/${labels.model}": it has no price (0 if it is free)`
      : `leaves no room for this call until the ${periodOf(budget)} is over (${limit} ${budget[limit]})`
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
