import { createInterface } from 'node:readline/promises'
import { createOpenAICompatible } from '@ai-sdk/openai-compatible'
import { type ModelMessage, type ToolApprovalResponse, ToolLoopAgent, tool } from 'ai'
import * as z from 'zod'

const terminal = createInterface({ input: process.stdin, output: process.stdout })
const approves = async (question: string) => (await terminal.question(question)) === 'yes'

const deleteReport = tool({
  description: 'Deletes a report',
  inputSchema: z.object({ name: z.string() }),
  execute: ({ name }) => `${name} is deleted`,
})

const { OPENAI_BASE_URL: baseURL = '', OPENAI_API_KEY: apiKey = '' } = process.env
const model = createOpenAICompatible({ name: 'openai', baseURL, apiKey })('my-model')
const agent = new ToolLoopAgent({ model, tools: { delete_report: deleteReport }, toolApproval: { delete_report: 'user-approval' } })

const messages: ModelMessage[] = [{ role: 'user', content: 'Delete the report q3.' }]
let result = await agent.generate({ messages })
for (;;) {
  const approvals: ToolApprovalResponse[] = []
  for (const part of result.content) {
    if (part.type !== 'tool-approval-request' || part.toolCall.dynamic) continue
    const approved = await approves(`Delete ${part.toolCall.input.name}? `)
    approvals.push({ type: 'tool-approval-response', approvalId: part.approvalId, approved })
  }
  if (approvals.length === 0) break
  messages.push(...result.responseMessages, { role: 'tool', content: approvals })
  result = await agent.generate({ messages })
}
console.log(result.text)
terminal.close()
