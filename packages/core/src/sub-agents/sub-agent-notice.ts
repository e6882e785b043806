/** The message that tells a session of the end of its sub-agent. Pure. */
import { parseRunId, type RunId } from '../base/ids.ts'
import type { ModelUsage } from '../base/messages.ts'
import { firstCharacters } from '../base/well-formed.ts'
import type { SubAgentRecord } from './sub-agent-record.ts'
import type { SubAgent } from './sub-agent-types.ts'

/** Characters of a task in a message. */
const shownTask = 500

/** Returns the key under which an end is told, which is the key of the run that it starts: the same for every try, so that it is told once. */
export function noticeKey({ id }: Pick<SubAgentRecord, 'id'>): RunId {
  return parseRunId(`sub-agent:${id}:end`)
}

/** Returns the text, the same for every try: it is made of the record alone. */
export function noticeText(view: SubAgent): string {
  const { id, label, agentId, task, answer } = view
  const name = label === undefined ? '' : ` ${JSON.stringify(label)}`
  const said = answer === undefined || answer.trim() === '' ? 'It gave no answer.' : `Its answer:\n${answer}`
  return `The sub-agent${name} (agent ${agentId}, id ${id}) ${describeSubAgent(view)}.\nTask: ${firstCharacters(task, shownTask)}\n${said}\n${usageText(view.usageByModel)}`
}

const words: Readonly<Record<SubAgent['status'], string>> = {
  starting: 'is starting',
  running: 'is running',
  completed: 'has completed its task',
  failed: 'has failed',
  cancelled: 'was cancelled',
  'timed-out': 'was ended by its timeout',
  'over-budget': 'was ended, because it had used up its budget',
}

/** Returns how a sub-agent stands, such as `has completed its task after 2.5 s`. */
export function describeSubAgent({ status, startedAt, endedAt, failure }: SubAgent): string {
  if (endedAt === undefined) return words[status]
  const why = failure === undefined ? '' : `: ${failure.message} (${failure.code})`
  return `${words[status]} after ${(Math.max(0, endedAt - startedAt) / 1_000).toFixed(1)} s${why}`
}

/** Returns the tokens of a sub-agent by model, as one line. */
export function usageText(usageByModel: readonly ModelUsage[]): string {
  if (usageByModel.length === 0) return 'Tokens: none.'
  const each = usageByModel.map(({ model, usage }) => {
    const cached = usage.cacheReadTokens + usage.cacheWriteTokens
    return `${model} ${usage.inputTokens} in${cached > 0 ? `, ${cached} cached` : ''}, ${usage.outputTokens} out`
  })
  return `Tokens: ${each.join('; ')}.`
}
