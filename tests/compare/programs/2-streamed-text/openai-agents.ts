import { Agent, run, setOpenAIAPI } from '@openai/agents'

setOpenAIAPI('chat_completions')
const agent = new Agent({ name: 'main', model: 'my-model' })

const result = await run(agent, 'Tell me a story.', { stream: true })
for await (const text of result.toTextStream()) process.stdout.write(text)
process.stdout.write('\n')
