import { createOpenAICompatible } from '@ai-sdk/openai-compatible'
import { generateText, isStepCount, tool } from 'ai'
import * as z from 'zod'

const weather = tool({
  description: 'Tells the weather in a city',
  inputSchema: z.object({ city: z.string() }),
  execute: ({ city }) => `rain in ${city}`,
})

const { OPENAI_BASE_URL: baseURL = '', OPENAI_API_KEY: apiKey = '' } = process.env
const model = createOpenAICompatible({ name: 'openai', baseURL, apiKey })('my-model')

const { text } = await generateText({ model, tools: { weather }, stopWhen: isStepCount(20), prompt: 'Do I need an umbrella in Oslo?' })
console.log(text)
