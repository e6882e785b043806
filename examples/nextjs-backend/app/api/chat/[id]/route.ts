/** One conversation: POST sends a message and streams the run, GET returns what was said. */
import { claw } from '../../../../lib/claw'
import { orErrorResponse } from '../../../../lib/error-response'

interface Context {
  readonly params: Promise<{ readonly id: string }>
}

export async function POST(request: Request, { params }: Context): Promise<Response> {
  const { id } = await params
  const { text, key } = (await request.json()) as { readonly text: string; readonly key?: string }
  return orErrorResponse(async () => {
    const running = await claw.get()
    const run = running.session(`agent:main:${id}`).send(text, key === undefined ? {} : { idempotencyKey: key })
    // A client that disconnects ends the stream, not the run; one that sends its message again gets the whole run.
    return run.toResponse()
  })
}

export async function GET(_request: Request, { params }: Context): Promise<Response> {
  const { id } = await params
  return orErrorResponse(async () => {
    const running = await claw.get()
    const { messages } = await running.session(`agent:main:${id}`).history()
    return Response.json(messages)
  })
}
