import { Agent, assistant, run, setOpenAIAPI, user } from '@openai/agents'
import { createAiSdkUiMessageStreamResponse } from '@openai/agents-extensions/ai-sdk-ui'
import type { UIMessage } from 'ai'

setOpenAIAPI('chat_completions')
const agent = new Agent({ name: 'main', model: 'my-model' })

export async function POST(request: Request): Promise<Response> {
  const { messages } = (await request.json()) as { messages: UIMessage[] }
  const items = messages.map(({ role, parts }) => {
    const text = parts.map((part) => (part.type === 'text' ? part.text : '')).join('')
    return role === 'assistant' ? assistant(text) : user(text)
  })
  return createAiSdkUiMessageStreamResponse(await run(agent, items, { stream: true }))
}
