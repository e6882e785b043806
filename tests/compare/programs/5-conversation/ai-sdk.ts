import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { createOpenAICompatible } from '@ai-sdk/openai-compatible'
import { generateText, type ModelMessage } from 'ai'

const { OPENAI_BASE_URL: baseURL = '', OPENAI_API_KEY: apiKey = '' } = process.env
const model = createOpenAICompatible({ name: 'openai', baseURL, apiKey })('my-model')

const file = './ada.json'
const messages: ModelMessage[] = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : []
messages.push({ role: 'user', content: process.argv[2] ?? '' })
const { text, responseMessages } = await generateText({ model, messages })
// A file that a crash leaves half written would lose the conversation.
writeFileSync(`${file}.new`, JSON.stringify([...messages, ...responseMessages]))
renameSync(`${file}.new`, file)
console.log(text)
