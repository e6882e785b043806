/** The route of the AI SDK's `useChat`: sends the last message of the chat, and streams the run as the chat reads it. */
import { readUiMessage, sessionKeyOf } from '@beamclaw/core'
import { claw } from '../../../lib/claw'
import { orErrorResponse } from '../../../lib/error-response'

export async function POST(request: Request): Promise<Response> {
  const body: unknown = await request.json()
  return orErrorResponse(async () => {
    const { chatId, content, options } = readUiMessage(body)
    const running = await claw.get()
    // An app with users puts the id of the signed-in user before the id of the chat, which the browser chooses.
    const session = running.session(sessionKeyOf('main', chatId))
    return session.send(content, options).toResponse({ format: 'ui-message-stream' })
  })
}
