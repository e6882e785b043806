import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { Agent, type AgentInputItem, run, setOpenAIAPI, user } from '@openai/agents'

setOpenAIAPI('chat_completions')
const agent = new Agent({ name: 'main', model: 'my-model' })

const file = './ada.json'
const items: AgentInputItem[] = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : []
const { finalOutput, history } = await run(agent, [...items, user(process.argv[2] ?? '')])
// A file that a crash leaves half written would lose the conversation.
writeFileSync(`${file}.new`, JSON.stringify(history))
renameSync(`${file}.new`, file)
console.log(finalOutput)
