import { createOpenAICompatible } from '@ai-sdk/openai-compatible'
import { streamText } from 'ai'

const { OPENAI_BASE_URL: baseURL = '', OPENAI_API_KEY: apiKey = '' } = process.env
const model = createOpenAICompatible({ name: 'openai', baseURL, apiKey })('my-model')

const { textStream } = streamText({ model, prompt: 'Tell me a story.' })
for await (const text of textStream) process.stdout.write(text)
process.stdout.write('\n')
