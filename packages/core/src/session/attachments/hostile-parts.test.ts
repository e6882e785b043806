/** Parts that are shaped to get past the limits of attachments. */
import { describe, expect, onTestFinished, test } from 'vitest'
import type { FilePart, JsonObject, UserMessage } from '../../base/messages.ts'
import { callsOnce, image, imageIn, key, look, owner, results, scene, userContent } from '../../testing/attachment-scene.ts'
import { toolResult } from '../../tool/tool-reply.ts'

const longest = (records: readonly unknown[]): number => Math.max(...records.map((record) => JSON.stringify(record).length))

test.each(['DATA:image/png;base64,', 'Data:image/png;BASE64,', 'data:image/png;Base64,'])(
  'an image in a data URL that begins with %s is an attachment',
  async (start) => {
    const set = await scene()
    onTestFinished(() => void set.claw.kill())
    const { data } = image()
    await set.claw
      .session(key)
      .send([{ type: 'image', mediaType: 'image/png', url: `${start}${data}` }])
      .result()
    expect(longest(set.held.records)).toBeLessThan(10_000)
  },
)

test('white space in the place of data is an attachment of what it has', async () => {
  const set = await scene()
  onTestFinished(() => void set.claw.kill())
  await set.claw
    .session(key)
    .send([{ type: 'image', mediaType: 'image/png', data: `${' '.repeat(100_000)}QUJD` }])
    .result()
  expect(imageIn((await set.claw.session(key).history()).messages[0]?.message)).toMatchObject({ size: 3 })
})

describe('a part that no service can read', () => {
  const file = (fields: object): UserMessage['content'] => [{ type: 'file', mediaType: 'text/plain', ...fields } as FilePart]
  const wrong: readonly (readonly [UserMessage['content'], string])[] = [
    [file({ data: 'Hello, world' }), 'data must be base64'],
    [file({ data: 'Hello' }), 'data must be base64'],
    [[{ type: 'image', mediaType: 'image/png', data: '*' }], 'data must be base64'],
    [[{ type: 'image', mediaType: 'image/png', url: 'data:image/png;base64,*' }], 'data must be base64'],
    [file({ data: 'data:text/plain;base64,aGk=' }), 'data must be base64 alone: pass what comes after the comma'],
    [file({ data: `DATA:text/plain;base64,${'A'.repeat(9_000)}` }), 'data must be base64 alone'],
    [file({ mediaType: 'pdf', data: 'aGk=' }), 'mediaType must be one such as image/png, received "pdf"'],
    [file({ url: '/home/me/a.txt' }), 'url must begin with http://, https:// or data:'],
    [file({ url: 'file:///a.txt' }), 'url must begin with http'],
  ]

  test.each(wrong)('%j is refused with its place, and nothing is left of it', async (content, problem) => {
    const { claw, model } = await scene()
    onTestFinished(() => void claw.kill())
    const refused = (place: string) => ({ code: 'invalid-message', message: expect.stringContaining(`${place}.${problem}`) })
    await expect(claw.session(key).send(content).accepted).rejects.toMatchObject(refused('send: content[0]'))
    await expect(claw.session(key).import([{ role: 'user', content }])).rejects.toMatchObject(refused('import: messages[0].content[0]'))
    await expect(claw.generate('test/model', content)).rejects.toMatchObject(refused('generate: prompt[0]'))
    const messages = [
      { role: 'user', content: 'look' },
      { role: 'assistant', content: [{ type: 'tool-call', id: 'a', name: 'look', input: {} }] },
      { role: 'tool', content: [{ type: 'tool-result', toolCallId: 'a', name: 'look', content, isError: false }] },
    ] as const
    const ofTool = refused('messages[2].content[0].content[0]')
    expect(() => claw.complete({ model: 'test/model', messages })).toThrow(expect.objectContaining(ofTool))
    await expect(claw.session(key).import(messages)).rejects.toMatchObject(ofTool)
    expect(await claw.sessions()).toEqual([])
    expect(model.requests).toEqual([])
  })

  test.each(wrong)('%j that a tool returns is replaced by a note', async (content) => {
    const set = await scene(callsOnce, { tools: look(() => toolResult({ content: [{ type: 'text', text: 'seen' }, ...(content as [])] })) })
    onTestFinished(() => void set.claw.kill())
    expect((await set.claw.session(key).send('look').result()).text).toBe('done')
    const note = expect.stringMatching(/^\[an? (?:image|file) was left out: it could not be stored\]$/)
    expect(results(set.model.requests[1]?.messages)[0]?.content).toEqual([
      { type: 'text', text: 'seen' },
      { type: 'text', text: note },
    ])
    expect(set.logged.map(({ event }) => event)).toContain('session.attachment-not-stored')
  })

  test('is read from the journal of an older version', async () => {
    const set = await scene()
    onTestFinished(() => void set.claw.kill())
    const log = await set.held.store.openLog(owner, { epoch: 1, nonce: 'older' })
    const message = { role: 'user', content: file({ data: 'Hello, world' }) } as unknown as JsonObject
    const records = [
      { type: 'message-in', data: { runId: 'one', message, queueMode: 'queue' } },
      { type: 'run-start', data: { runId: 'one' } },
      { type: 'run-end', data: { runId: 'one', outcome: 'completed' } },
    ]
    await log.append(records.map((record, index) => ({ ...record, seq: index + 1, id: `r${index}`, ts: 1 })))
    await log.close()
    expect((await set.claw.session(key).send('next').result()).text).toBe('ok')
    expect(userContent(set.model.requests[0]?.messages)).toEqual(file({ data: 'Hello, world' }))
  })

  test.each([
    [file({ data: 'aGk' })],
    [file({ mediaType: 'text/plain; charset=utf-8', data: ' aGk=\n' })],
    [file({ mediaType: 'image/*', url: 'HTTPS://example.com/a' })],
    [file({ mediaType: 'application/vnd.openxmlformats-officedocument.wordprocessingml.document', data: 'AAAA' })],
    [file({ url: 'data:text/plain,hi' })],
  ])('is none of %j', async (content) => {
    const set = await scene()
    onTestFinished(() => void set.claw.kill())
    expect((await set.claw.session(key).send(content).result()).text).toBe('ok')
    expect(userContent(set.model.requests[0]?.messages)).toEqual(content)
  })
})
