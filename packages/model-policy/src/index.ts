export { defaultFailurePolicy, type FailurePolicy, type FailurePolicyResolver, failurePolicies } from './error-policy.ts'
export {
  type FallbackEvent,
  FallbackProvider,
  type FallbackProviderOptions,
  type FallbackTarget,
  fallbackDefaults,
  type TargetState,
} from './fallback/fallback-provider.ts'
export { type GuardedProvider, guarded } from './guarded.ts'
export {
  CircuitBreaker,
  type CircuitBreakerOptions,
  type CircuitChange,
  type CircuitInspection,
  circuitBreakerDefaults,
} from './guards/circuit-breaker/circuit-breaker.ts'
export {
  RateLimiter,
  type RateLimiterInspection,
  type RateLimiterOptions,
  type RateLimits,
  rateLimiterDefaults,
} from './guards/rate-limit/rate-limiter.ts'
export { costOfRun, type Price, type PriceTable } from './guards/usage/price-table.ts'
export { type UsageBudget, usageBudgetDefaults } from './guards/usage/usage-budget.ts'
export { UsageLedger } from './guards/usage/usage-ledger.ts'
export { type UsageLabelDefaults, type UsageLedgerOptions, usageLedgerDefaults } from './guards/usage/usage-ledger-options.ts'
export type { UsageDimension, UsageReportLine, UsageReportOptions } from './guards/usage/usage-report.ts'
export type { CallEnding, CallWatcher, GuardedCall, ModelGuard } from './model-guard.ts'
