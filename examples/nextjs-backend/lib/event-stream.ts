/** A run as server-sent events. */
import { BeamClawError, type RunStream } from '@beamclaw/core'

/** Returns a response that sends each event of the run, and `error` when it fails. A client that leaves ends nothing: the run goes on. */
export function eventStream(run: RunStream): Response {
  const events = frames(run)
  const body = new ReadableStream<Uint8Array>({
    pull: async (controller) => {
      const { done, value } = await events.next()
      if (done) controller.close()
      else controller.enqueue(value)
    },
    cancel: async () => void (await events.return(undefined)),
  })
  return new Response(body, { headers: { 'content-type': 'text/event-stream', 'cache-control': 'no-store' } })
}

async function* frames(run: RunStream): AsyncGenerator<Uint8Array, undefined> {
  const encoder = new TextEncoder()
  const frame = (type: string, data: unknown) => encoder.encode(`event: ${type}\ndata: ${JSON.stringify(data)}\n\n`)
  try {
    for await (const event of run) yield frame(event.type, event)
  } catch (error) {
    yield frame('error', { code: BeamClawError.isInstance(error) ? error.code : 'internal' })
  }
  return undefined
}
