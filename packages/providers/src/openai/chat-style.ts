/** How one provider speaks Chat Completions: its dialect, as far as the options do not say otherwise. */
import type { JsonObject } from '@beamclaw/core'
import { factsOf, type ModelFacts } from '../shared/model-facts.ts'
import type { ChatDialect, ChatModelFacts, ReasoningReturn } from './dialects/dialect.ts'

export interface ChatStyle {
  readonly dialect: ChatDialect
  /** The name under which messages keep what this service needs back. */
  readonly service: string
  readonly maxTokensField: ChatDialect['maxTokensField']
  readonly includeUsage: boolean
  readonly reasoning: ReasoningReturn
  /** Whether thinking without the name of a service goes back too: the user has named the field. */
  readonly takesUnmarked: boolean
  readonly splitThink: boolean
  readonly extraBody: JsonObject
  readonly models: Readonly<Record<string, ModelFacts>>
}

/** Returns what is known of a model at this service. */
export function chatFactsOf({ dialect, models }: ChatStyle, model: string): Partial<ChatModelFacts> {
  return factsOf(dialect.models, model, models as Readonly<Record<string, ChatModelFacts>>)
}
