import { Agent, run, setOpenAIAPI, tool } from '@openai/agents'
import * as z from 'zod'

const weather = tool({
  name: 'weather',
  description: 'Tells the weather in a city',
  parameters: z.object({ city: z.string() }),
  execute: ({ city }) => `rain in ${city}`,
})

setOpenAIAPI('chat_completions')
const agent = new Agent({ name: 'main', model: 'my-model', tools: [weather] })

const { finalOutput } = await run(agent, 'Do I need an umbrella in Oslo?')
console.log(finalOutput)
