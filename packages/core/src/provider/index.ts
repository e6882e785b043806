export {
  CircuitBreaker,
  type CircuitBreakerOptions,
  type CircuitChange,
  type CircuitInspection,
  circuitBreakerDefaults,
} from './circuit-breaker.ts'
export { type FailurePolicy, type FailurePolicyOf, failurePolicies, failurePolicy } from './error-policy.ts'
export {
  type FallbackEvent,
  FallbackProvider,
  type FallbackProviderOptions,
  type FallbackTarget,
  fallbackDefaults,
  type TargetState,
} from './fallback-provider.ts'
export type { Price, PriceTable } from './price-table.ts'
export { RateLimiter, type RateLimiterInspection, type RateLimiterOptions, type RateLimits, rateLimiterDefaults } from './rate-limiter.ts'
export type { UsageBudget } from './usage-budget.ts'
export { UsageLedger, type WrapLabels } from './usage-ledger.ts'
export { type UsageLedgerOptions, usageLedgerDefaults } from './usage-ledger-options.ts'
export type { UsageDimension, UsageReportLine, UsageReportOptions } from './usage-report.ts'
