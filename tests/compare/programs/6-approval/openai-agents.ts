import { createInterface } from 'node:readline/promises'
import { Agent, run, setOpenAIAPI, tool } from '@openai/agents'
import * as z from 'zod'

const terminal = createInterface({ input: process.stdin, output: process.stdout })
const approves = async (question: string) => (await terminal.question(question)) === 'yes'

const deleteReport = tool({
  name: 'delete_report',
  description: 'Deletes a report',
  parameters: z.object({ name: z.string() }),
  needsApproval: true,
  execute: ({ name }) => `${name} is deleted`,
})

setOpenAIAPI('chat_completions')
const agent = new Agent({ name: 'main', model: 'my-model', tools: [deleteReport] })

let result = await run(agent, 'Delete the report q3.')
while (result.interruptions.length > 0) {
  for (const item of result.interruptions) {
    const { name } = JSON.parse(item.arguments ?? '{}')
    if (await approves(`Delete ${name}? `)) result.state.approve(item)
    else result.state.reject(item)
  }
  result = await run(agent, result.state)
}
console.log(result.finalOutput)
terminal.close()
