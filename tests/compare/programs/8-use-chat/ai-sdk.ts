import { createOpenAICompatible } from '@ai-sdk/openai-compatible'
import { convertToModelMessages, createUIMessageStreamResponse, streamText, toUIMessageStream, type UIMessage } from 'ai'

const { OPENAI_BASE_URL: baseURL = '', OPENAI_API_KEY: apiKey = '' } = process.env
const model = createOpenAICompatible({ name: 'openai', baseURL, apiKey })('my-model')

export async function POST(request: Request): Promise<Response> {
  const { messages } = (await request.json()) as { messages: UIMessage[] }
  const { stream } = streamText({ model, messages: await convertToModelMessages(messages) })
  return createUIMessageStreamResponse({ stream: toUIMessageStream({ stream }) })
}
