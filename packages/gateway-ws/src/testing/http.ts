/** An HTTP client for tests of a gateway. */
import { once } from 'node:events'
import { connect } from 'node:net'

/** A valid request. */
export const hello = { model: 'beamclaw', messages: [{ role: 'user', content: 'hello' }] }

export interface ErrorBody {
  readonly error: { readonly code: string; readonly message: string; readonly type: string }
}

/** One `data:` line of a stream. */
export interface Chunk {
  readonly choices?: readonly {
    readonly delta: { readonly content?: string; readonly tool_calls?: readonly object[] }
    readonly finish_reason: string | null
  }[]
  readonly error?: ErrorBody['error']
}

/** Posts to `/v1/chat/completions`. */
export function post(url: string, body: unknown, headers: Readonly<Record<string, string>> = {}, signal?: AbortSignal): Promise<Response> {
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  return fetch(`${url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: text,
    ...(signal === undefined ? {} : { signal }),
  })
}

/** Returns the chunks of a stream. Throws when it does not end with `[DONE]`. */
export async function chunksOf(response: Response): Promise<readonly Chunk[]> {
  const lines = (await response.text()).split('\n').filter((line) => line.startsWith('data: '))
  if (lines.at(-1) !== 'data: [DONE]') throw new Error(`the stream ends with ${lines.at(-1)}`)
  return lines.slice(0, -1).map((line) => JSON.parse(line.slice(6)) as Chunk)
}

export function textOf(chunks: readonly Chunk[]): string {
  return chunks.map(({ choices }) => choices?.[0]?.delta.content ?? '').join('')
}

/** Sends raw text over TCP and returns everything received until the server closes. */
export async function spoken(url: string, text: string): Promise<string> {
  const socket = connect(Number(new URL(url).port), '127.0.0.1')
  socket.write(text)
  let heard = ''
  socket.on('data', (data) => {
    heard += String(data)
  })
  await once(socket, 'close')
  return heard
}
