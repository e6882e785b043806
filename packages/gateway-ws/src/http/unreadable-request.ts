/** Requests that do not even become one: no address, no sensible host. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { badRequest, failureBody } from './http-failure.ts'

const failure = badRequest('This request cannot be understood', 'invalid_request')

/** The answer to a request that could not be read. */
export function unreadableRequest(): Response {
  return Response.json(failureBody(failure), { status: failure.status })
}

/** The same, for a request whose handler failed without an answer. */
export function refuseUnreadable(_request: IncomingMessage, response: ServerResponse): void {
  if (response.headersSent) return void response.destroy()
  response.writeHead(failure.status, { 'content-type': 'application/json', connection: 'close' }).end(JSON.stringify(failureBody(failure)))
}
