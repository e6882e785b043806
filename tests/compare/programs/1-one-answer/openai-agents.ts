import { Agent, run, setOpenAIAPI } from '@openai/agents'

setOpenAIAPI('chat_completions')
const agent = new Agent({ name: 'main', model: 'my-model' })

const { finalOutput } = await run(agent, 'Say hello.')
console.log(finalOutput)
