import { createOpenAICompatible } from '@ai-sdk/openai-compatible'
import { generateText, Output } from 'ai'
import * as z from 'zod'

const Book = z.object({ title: z.string(), year: z.number() })

const { OPENAI_BASE_URL: baseURL = '', OPENAI_API_KEY: apiKey = '' } = process.env
const model = createOpenAICompatible({ name: 'openai', baseURL, apiKey, supportsStructuredOutputs: true })('my-model')

const { output } = await generateText({ model, output: Output.object({ schema: Book }), prompt: 'Name a novel.' })
console.log(output.title, output.year)
