/** How long a history may become before the oldest messages give way to a summary. */
import { type AgentDefinition, agentDefaults } from '../../agent/agent.ts'
import type { ProviderTable } from '../../provider/provider-table.ts'

/** The part of a context window that the history may have; the rest is for the system text, the tools, the answer, and what the estimate of tokens misses. */
const share = 0.6

/** The least that an agent may set. */
const leastTokens = 1_000

/**
 * Returns the tokens above which a history for `model`, the agent's unless given, is summarised: what the agent says; otherwise the default, or less for a model whose window is known to be small.
 * A larger window does not raise it: each turn would then cost several times as much without a word.
 */
export function historyLimit({ compactAboveTokens, model: own }: AgentDefinition, providers: ProviderTable, model = own): number {
  if (compactAboveTokens !== undefined) return compactAboveTokens
  const tokens = Math.floor(windowOf(model, providers) * share)
  return tokens > 0 ? Math.min(agentDefaults.compactAboveTokens, Math.max(leastTokens, tokens)) : agentDefaults.compactAboveTokens
}

/** Returns 0 for a window that is not known. A provider may be anybody's code. */
function windowOf(name: string, providers: ProviderTable): number {
  try {
    const { provider, model } = providers.resolve(name)
    return Number(provider.modelFacts?.(model)?.contextWindow) || 0
  } catch {
    return 0
  }
}
