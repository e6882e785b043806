import { BeamClaw, OpenAiProvider, readUiMessage, sessionKeyOf } from 'beamclaw'

const main = { id: 'main', model: 'openai/my-model' }
const claw = await new BeamClaw({ providers: { openai: new OpenAiProvider() }, agents: [main] }).start()

export async function POST(request: Request): Promise<Response> {
  const { chatId, content, options } = readUiMessage(await request.json())
  return claw.session(sessionKeyOf('main', chatId)).send(content, options).toResponse({ format: 'ui-message-stream' })
}
