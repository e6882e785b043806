/** What a tool call does besides returning something. Written down in the record of its outcome, so that both are durable or neither is. */
import { BeamClawError } from '../base/errors.ts'
import { type AgentId, parseAgentId } from '../base/ids.ts'
import { type Fail, stringOf, usageOf } from '../base/message-check.ts'
import { addModelUsage, type ModelUsage, type Usage } from '../base/messages.ts'

/** Models that one call may report usage of. */
const maxModels = 100

const misfit: Fail = (problem) => new BeamClawError('invalid-option', `reportUsage: ${problem}`)

export class ToolEffects {
  readonly #isAgent: (id: AgentId) => boolean
  #usage: readonly ModelUsage[] = []
  #handOff: AgentId | undefined

  constructor(isAgent: (id: AgentId) => boolean) {
    this.#isAgent = isAgent
  }

  /** Adds tokens that the tool has spent. Throws `invalid-option`. */
  reportUsage(model: string, usage: Usage): void {
    const name = stringOf(model, 'model', misfit)
    if (name === '' || name.length > 256) throw misfit('model must have 1 to 256 characters')
    const sum = addModelUsage(this.#usage, name, usageOf(usage, 'usage', misfit))
    if (sum.length > maxModels) throw misfit(`a call reports usage of at most ${maxModels} models`)
    this.#usage = sum
  }

  /** The agent that the call hands over to. */
  get handedTo(): AgentId | undefined {
    return this.#handOff
  }

  /** Names the agent that answers once the turn is over. Throws `unknown-agent` or `invalid-id`. */
  handOff(agent: string): void {
    const id = parseAgentId(agent)
    if (!this.#isAgent(id))
      throw new BeamClawError('unknown-agent', `There is no agent "${id}" to hand over to`, { details: { agentId: id } })
    this.#handOff = id
  }

  /** Returns the fields of the record. A call that has failed hands nothing over. */
  fields(isError: boolean): { readonly usage?: readonly ModelUsage[]; readonly handOff?: AgentId } {
    return {
      ...(this.#usage.length === 0 ? {} : { usage: this.#usage }),
      ...(this.#handOff === undefined || isError ? {} : { handOff: this.#handOff }),
    }
  }
}
