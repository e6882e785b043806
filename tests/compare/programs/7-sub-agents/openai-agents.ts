import { Agent, type AgentInputItem, run, setOpenAIAPI, user } from '@openai/agents'

setOpenAIAPI('chat_completions')
const model = 'my-model'
const sums = new Agent({ name: 'sums', model, instructions: 'You work out sums.' })
const billing = new Agent({
  name: 'billing',
  model,
  instructions: 'You know about bills.',
  handoffDescription: 'For questions about bills',
})
const main = new Agent({
  name: 'main',
  model,
  tools: [sums.asTool({ toolName: 'ask_sums', toolDescription: 'Works out sums' })],
  handoffs: [billing],
})

let agent = main
let history: AgentInputItem[] = []
for (const question of ['What is 2+3?', 'How much is my bill?', 'And last month?']) {
  const result = await run(agent, [...history, user(question)])
  history = result.history
  agent = result.lastAgent ?? agent
  console.log(result.finalOutput)
}
