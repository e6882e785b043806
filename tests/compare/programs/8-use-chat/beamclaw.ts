import { sessionKeyOf } from '@beamclaw/core'
import type { UIMessage } from 'ai'
import { BeamClaw, OpenAiProvider } from 'beamclaw'

const { OPENAI_BASE_URL: baseUrl = '', OPENAI_API_KEY: apiKey = '' } = process.env
const claw = await new BeamClaw({
  providers: { openai: new OpenAiProvider({ baseUrl, apiKey }) },
  agents: [{ id: 'main', model: 'openai/my-model' }],
}).start()

export async function POST(request: Request): Promise<Response> {
  const { id, messages } = (await request.json()) as { id: string; messages: UIMessage[] }
  const last = messages.at(-1)
  const text = last?.parts.map((part) => (part.type === 'text' ? part.text : '')).join('') ?? ''
  const run = claw.session(sessionKeyOf('main', id)).send(text, { idempotencyKey: last?.id ?? id })
  return run.toResponse({ format: 'ui-message-stream' })
}
