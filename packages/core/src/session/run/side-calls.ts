/** What a provider can do beside answering, for the host: embeddings, and counting tokens. Checked on the way in and out; nothing is stored. */
import { anArray, aSignal, checkOptions, describeValue, integer, readOptions } from '@beamclaw/actor/internal'
import { modelRule } from '../../agent/agent.ts'
import { BeamClawError } from '../../base/errors.ts'
import { countOf, eachOf, type Fail, fieldsOf, nameOf, usageOf } from '../../base/message-check.ts'
import type { EmbedAnswer, EmbedRequest } from '../../ports/provider.ts'
import { asProviderError, throwIfAborted } from '../../provider/provider-error.ts'
import type { ProviderTable } from '../../provider/provider-table.ts'
import { type CompletionRequest, checkedCompletion } from './generate.ts'

/** The request of `running.embed`: the model is `<provider>/<model>`. */
export interface EmbedTextsRequest extends EmbedRequest {
  /** Aborts the call. @default none */
  readonly signal?: AbortSignal
}

/** Most texts of one request: what the services take at once. */
const maxTexts = 2_048

const misfit: Fail = (problem) => new BeamClawError('invalid-option', `embed: ${problem}`)
const broken: Fail = (problem) => new BeamClawError('provider-protocol', `The provider sent something else than was asked for: ${problem}`)

/** Resolves with the embeddings. Rejects as `RunningBeamClaw.embed` does. */
export async function embed(given: EmbedTextsRequest, providers: ProviderTable, ended: AbortSignal): Promise<EmbedAnswer> {
  const asked = readOptions('embed', given)
  const rules = { model: modelRule, texts: anArray, dimensions: integer(1, 1_000_000), signal: aSignal }
  checkOptions<EmbedTextsRequest>('embed', asked, rules, ['model', 'texts'])
  const { signal: own, ...request } = asked
  const texts = eachOf(request.texts, 'texts', misfit, nameOf)
  if (texts.length === 0 || texts.length > maxTexts) throw misfit(`texts must be 1 to ${maxTexts} texts, received ${texts.length}`)
  const { provider, providerId, model } = providers.resolve(request.model)
  if (provider.doEmbed === undefined) throw missing('embed', providerId, 'has no embeddings')
  const signal = endedWith(own, ended)
  const answer = await called(() => provider.doEmbed?.({ ...request, texts, model }, { signal }), signal)
  const { embeddings, usage } = fieldsOf(answer, 'answer', broken)
  const checked = eachOf(embeddings, 'embeddings', broken, (numbers, path) => eachOf(numbers, path, broken, numberOf))
  if (checked.length !== texts.length) throw broken(`${checked.length} embeddings for ${texts.length} texts`)
  return { embeddings: checked, usage: usageOf(usage, 'usage', broken) }
}

/** Resolves with the input tokens of a request. Rejects as `RunningBeamClaw.countTokens` does. */
export async function countTokens(
  given: CompletionRequest & { readonly signal?: AbortSignal },
  providers: ProviderTable,
  ended: AbortSignal,
): Promise<number> {
  const { signal: own, ...rest } = readOptions('countTokens', given)
  checkOptions<{ signal: AbortSignal | undefined }>('countTokens', { signal: own }, { signal: aSignal })
  const request = checkedCompletion(rest)
  const { provider, providerId, model } = providers.resolve(request.model)
  if (provider.countTokens === undefined) throw missing('countTokens', providerId, 'does not count tokens')
  const signal = endedWith(own, ended)
  const count = await called(() => provider.countTokens?.({ ...request, model }, { signal }), signal)
  return countOf(count, 'tokens', broken)
}

function missing(owner: string, providerId: string, what: string): BeamClawError {
  const details = { owner, option: 'model', provider: providerId }
  return new BeamClawError('invalid-option', `${owner}: the provider "${providerId}" ${what}`, { details })
}

function numberOf(value: unknown, path: string, fail: Fail): number {
  if (typeof value === 'number' && Number.isFinite(value)) return value
  throw fail(`${path} must be a number, received ${describeValue(value)}`)
}

/** No call may outlive the tree. */
function endedWith(own: AbortSignal | undefined, ended: AbortSignal): AbortSignal {
  return own === undefined ? ended : AbortSignal.any([own, ended])
}

async function called<T>(call: () => Promise<T> | undefined, signal: AbortSignal): Promise<T | undefined> {
  throwIfAborted(signal)
  try {
    return await call()
  } catch (thrown) {
    throw asProviderError(thrown, signal)
  }
}
