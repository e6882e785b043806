/** `GET /v1/attachments/<id>`: the bytes of an attachment to which a message of a session refers. */
import { parseSessionKey, type RunningBeamClaw } from '@beamclaw/core'
import type { Context } from 'hono'
import type { HttpEnv } from './guard.ts'
import { badRequest } from './http-failure.ts'

/** The types that a browser may be told: it runs none of them. */
const safeTypes: ReadonlySet<string> = new Set(['image/png', 'image/jpeg', 'image/gif', 'image/webp', 'text/plain'])

/** Resolves with the response. The caller names the type, which the message has; one that a browser could run is sent as bytes of no type. */
export async function attachmentResponse(context: Context<HttpEnv>, claw: RunningBeamClaw): Promise<Response> {
  const sessionKey = context.req.header('x-beamclaw-session-key')
  if (sessionKey === undefined) throw badRequest('Name the session in the header x-beamclaw-session-key', 'session-key-missing')
  const id = context.req.param('id') ?? ''
  const attachment = await claw.session(parseSessionKey(sessionKey)).attachment(id)
  if (attachment === undefined) throw badRequest('The session has no attachment of that id', 'not_found', 404)
  const type = context.req.query('type') ?? ''
  return new Response(streamOf(attachment.bytes), {
    headers: {
      'content-type': safeTypes.has(type) ? type : 'application/octet-stream',
      'content-length': String(attachment.size),
      'content-disposition': `attachment; filename="${id}"`,
      'content-security-policy': "default-src 'none'; sandbox",
      'x-content-type-options': 'nosniff',
      // Its name is that of its content, which never changes; a deletion must take effect all the same.
      'cache-control': 'private, no-cache',
    },
  })
}

/** Returns a stream that reads a piece when the client has taken the one before. */
function streamOf(bytes: AsyncIterable<Uint8Array>): ReadableStream<Uint8Array> {
  const pieces = bytes[Symbol.asyncIterator]()
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const { done, value } = await pieces.next()
        if (done === true) controller.close()
        else controller.enqueue(value)
      },
      async cancel() {
        await pieces.return?.()
      },
    },
    { highWaterMark: 0 },
  )
}
