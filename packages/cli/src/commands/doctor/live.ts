/** Asks the models of a configuration one small question with a tool (`--live`), and says in words what is wrong and what to do. */
import { BeamClawError, type Provider, type ProviderRequest, type Usage } from '@beamclaw/core'
import { costOfRun } from '@beamclaw/model-policy'
import { toProvider } from '../../assemble.ts'
import type { ProviderConfig } from '../../config/schema.ts'
import { providerOf, type Settings } from '../../config/settings.ts'
import { harmless } from '../../output.ts'
import { type Finding, ok, problem, warning } from './finding.ts'
import { providerFailure } from './provider-failure.ts'

/** Milliseconds for one question. */
const defaultLimitMs = 20_000
const questionsAtOnce = 8

const tool = {
  name: 'report_health',
  description: 'Reports that you can call tools.',
  inputSchema: { type: 'object', properties: { ok: { type: 'boolean' } }, required: ['ok'], additionalProperties: false },
} as const

const question: Omit<ProviderRequest, 'model'> = {
  messages: [{ role: 'user', content: 'Call the tool report_health with ok set to true. Say nothing else.' }],
  tools: [tool],
  // A model that thinks needs room for it.
  maxOutputTokens: 2_048,
}

/** Resolves with a finding for each model that an agent names, and for each provider that none does. */
export async function checkLive({ providers, agents, prices }: Settings, limitMs = defaultLimitMs): Promise<readonly Finding[]> {
  const named = [...new Set(Object.values(agents).flatMap(({ model, fallbacks = [] }) => [model, ...fallbacks]))]
  const idle = Object.keys(providers).filter((id) => !named.some((model) => providerOf(model) === id))
  const findings = idle.map((id) =>
    warning(`model ${id}/…`, 'is not asked', `no agent names a model of ${id}: give one to an agent, or remove the provider`),
  )
  const waiting = [...named]
  const ask = async (): Promise<void> => {
    for (let model = waiting.shift(); model !== undefined; model = waiting.shift()) {
      const id = providerOf(model)
      const config = providers[id]
      if (config !== undefined) findings.push(await checkModel(model, id, config, { prices, limitMs }))
    }
  }
  await Promise.all(Array.from({ length: questionsAtOnce }, ask))
  return findings.sort((one, other) => one.name.localeCompare(other.name))
}

interface Terms {
  readonly prices: Settings['prices']
  readonly limitMs: number
}

async function checkModel(model: string, id: string, config: ProviderConfig, { prices, limitMs }: Terms): Promise<Finding> {
  const name = `model ${model}`
  const startedAt = performance.now()
  const signal = AbortSignal.timeout(limitMs)
  try {
    const provider = await toProvider(config)
    const ownName = model.slice(id.length + 1)
    const { calledTool, usage } = await asked(provider, ownName, signal)
    const run = { usage, usageByModel: [{ model, usage }] }
    const told = provider.modelFacts?.(ownName).price
    const costUsd = costOfRun(run, prices) ?? (told && costOfRun(run, { [model]: told }))
    const facts = {
      model,
      ms: Math.round(performance.now() - startedAt),
      inputTokens: usage.inputTokens + usage.cacheReadTokens + usage.cacheWriteTokens,
      outputTokens: usage.outputTokens,
      ...(costUsd === undefined ? {} : { costUsd }),
    }
    const price = costUsd === undefined ? '' : `, $${costUsd.toFixed(6)}`
    const measured = `${facts.ms} ms, ${facts.inputTokens} tokens in, ${facts.outputTokens} out${price}`
    if (calledTool) return { ...ok(name, `answers and calls tools: ${measured}`), facts }
    const advice = 'harmless for agents without tools; for others take a model that calls tools'
    return { ...warning(name, `answers, but did not call the tool that it was told to: ${measured}`, advice), facts }
  } catch (error) {
    if (!BeamClawError.isInstance(error)) throw error
    const failed = refusal(name, id, error) ?? providerFailure(name, id, error, limitMs)
    return { ...failed, facts: { model, ms: Math.round(performance.now() - startedAt), code: error.code } }
  }
}

async function asked(
  provider: Provider,
  model: string,
  signal: AbortSignal,
): Promise<{ readonly calledTool: boolean; readonly usage: Usage }> {
  let calledTool = false
  for await (const part of provider.doStream({ ...question, model }, { signal })) {
    if (part.type === 'tool-call') calledTool ||= part.name === tool.name
    if (part.type === 'finish') return { calledTool, usage: part.usage }
  }
  throw new BeamClawError('provider-protocol', 'The answer has no end')
}

/** Returns the finding for a model that does not take the question; undefined for other failures. */
function refusal(name: string, id: string, error: BeamClawError): Finding | undefined {
  if (error.code !== 'provider-bad-request') return undefined
  const said = harmless(error.message)
  if (/\btools?\b/i.test(said)) {
    return warning(name, `refuses tools: ${said}`, 'harmless for agents without tools; for others take a model that calls tools')
  }
  return problem(name, `refuses the question: ${said}`, `correct the name of the model, or providers.${id}.baseUrl`)
}
