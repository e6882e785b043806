/** Bodies of requests: JSON, bounded in depth and number of values before it is parsed. */
import type { Context } from 'hono'
import { parseJson } from '../json.ts'
import type { HttpEnv } from './guard.ts'
import type { HttpAppOptions } from './http-app-options.ts'
import { badRequest, HttpFailure } from './http-failure.ts'

/** Returns the value of a body. Throws `HttpFailure`. */
export async function jsonBody(context: Context<HttpEnv>, { limits, turns }: Pick<HttpAppOptions, 'limits' | 'turns'>): Promise<unknown> {
  const { maxDepth, maxBodyValues: maxValues } = limits
  const text = await wholeText(context)
  await turns.nextFor(text.length)
  const body = parseJson(text, { maxDepth, maxValues })
  if (!('problem' in body)) return body.value
  if (body.problem === 'too-deep') throw badRequest(`Request body is nested deeper than ${maxDepth} levels`, 'too-deep')
  if (body.problem === 'too-many-values') throw badRequest(`Request body has more than ${maxValues} values`, 'too-many-values')
  throw badRequest('Request body is not valid JSON', 'invalid_json')
}

/** Returns the body. A client that disconnects in the middle of it is not worth a log entry. */
async function wholeText({ req }: Context<HttpEnv>): Promise<string> {
  try {
    return await req.text()
  } catch (error) {
    if (error instanceof HttpFailure) throw error
    throw badRequest('Request body ended before its declared length', 'body-incomplete')
  }
}
