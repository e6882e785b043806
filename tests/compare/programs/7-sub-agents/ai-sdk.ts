import { createOpenAICompatible } from '@ai-sdk/openai-compatible'
import { type ModelMessage, ToolLoopAgent, tool } from 'ai'
import * as z from 'zod'

const { OPENAI_BASE_URL: baseURL = '', OPENAI_API_KEY: apiKey = '' } = process.env
const model = createOpenAICompatible({ name: 'openai', baseURL, apiKey })('my-model')

const sums = new ToolLoopAgent({ model, instructions: 'You work out sums.' })
let isBilling = false
const main = new ToolLoopAgent({
  model,
  tools: {
    ask_sums: tool({
      description: 'Works out sums',
      inputSchema: z.object({ task: z.string() }),
      execute: async ({ task }) => (await sums.generate({ prompt: task })).text,
    }),
    hand_off_to_billing: tool({
      description: 'For questions about bills',
      inputSchema: z.object({}),
      execute: () => {
        isBilling = true
        return 'Billing answers from now on.'
      },
    }),
  },
  prepareStep: () => (isBilling ? { instructions: 'You know about bills.', activeTools: [] } : {}),
})

const messages: ModelMessage[] = []
for (const question of ['What is 2+3?', 'How much is my bill?', 'And last month?']) {
  messages.push({ role: 'user', content: question })
  const { text, responseMessages } = await main.generate({ messages })
  messages.push(...responseMessages)
  console.log(text)
}
