/** Requests that Node cannot turn into a `Request`: no valid target or host. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { badRequest, failureBody } from './http-failure.ts'

const failure = badRequest('Request line or Host header is not valid', 'invalid_request')

/** Returns the response to a request that could not be read. */
export function unreadableRequest(): Response {
  return Response.json(failureBody(failure), { status: failure.status })
}

/** Sends the same response when a handler failed without one. */
export function refuseUnreadable(_request: IncomingMessage, response: ServerResponse): void {
  if (response.headersSent) return void response.destroy()
  response.writeHead(failure.status, { 'content-type': 'application/json', connection: 'close' }).end(JSON.stringify(failureBody(failure)))
}
