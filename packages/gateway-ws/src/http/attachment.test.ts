import type { ImagePart } from '@beamclaw/core'
import { describe, expect, test } from 'vitest'
import type { ErrorBody } from '../testing/http.ts'
import { scene } from '../testing/scene.ts'

const key = 'agent:main:a'
const bytes = Buffer.alloc(300_000, 'pixels of an image')
const image: ImagePart = { type: 'image', mediaType: 'image/png', data: bytes.toString('base64') }

/** A gateway whose session has an image; `get` asks for an attachment of it. */
async function withImage() {
  const stage = await scene({ gateway: { auth: { mode: 'token', token: 'secret' } } })
  const session = stage.claw.session(key)
  await session.send([image]).result()
  const [first] = (await session.history()).messages
  const blob = (first?.message.content as readonly ImagePart[] | undefined)?.[0]?.blob ?? ''
  const get = (path: string, headers: Readonly<Record<string, string>> = { 'x-beamclaw-session-key': key }): Promise<Response> =>
    fetch(`${stage.url}/v1/attachments/${path}`, { headers: { authorization: 'Bearer secret', ...headers } })
  return { stage, blob, get }
}

describe('GET /v1/attachments', () => {
  test('streams the bytes, as a type that no browser runs', async () => {
    const { stage, blob, get } = await withImage()
    await using _ = stage
    for (const [type, expected] of [
      ['image/png', 'image/png'],
      ['text/html', 'application/octet-stream'],
      ['image/svg+xml', 'application/octet-stream'],
      ['', 'application/octet-stream'],
    ] as const) {
      const response = await get(`${blob}?type=${encodeURIComponent(type)}`)
      expect([response.status, response.headers.get('content-type'), response.headers.get('content-length')]).toEqual([
        200,
        expected,
        '300000',
      ])
      expect(response.headers.get('x-content-type-options')).toBe('nosniff')
      expect(response.headers.get('content-disposition')).toBe(`attachment; filename="${blob}"`)
      expect(Buffer.from(await response.arrayBuffer()).equals(bytes)).toBe(true)
    }
  })

  test('is refused without the token, without a session, for another session, and for what is no id', async () => {
    const { stage, blob, get } = await withImage()
    await using _ = stage
    const asked = [
      [401, 'invalid_token', await get(blob, { 'x-beamclaw-session-key': key, authorization: 'Bearer wrong' })],
      [400, 'session-key-missing', await get(blob, {})],
      [404, 'not_found', await get(blob, { 'x-beamclaw-session-key': 'agent:main:other' })],
      [404, 'not_found', await get('a'.repeat(64))],
      [400, 'invalid-id', await get('..%2f..%2fsecret')],
      [400, 'invalid-session-key', await get(blob, { 'x-beamclaw-session-key': 'agent:main:' })],
    ] as const
    for (const [status, code, response] of asked) {
      expect([response.status, ((await response.json()) as ErrorBody).error.code]).toEqual([status, code])
    }
    expect(await stage.claw.session('agent:main:other').exists()).toBe(false)
  })
})
