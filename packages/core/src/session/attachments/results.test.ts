import { describe, expect, test } from 'vitest'
import { BeamClawError } from '../../base/errors.ts'
import type { ImagePart, TextPart } from '../../base/messages.ts'
import {
  bytesOf,
  callsOnce,
  image,
  imageIn,
  key,
  longText,
  look,
  owner,
  results,
  scene,
  userContent,
  withImage,
} from '../../testing/attachment-scene.ts'
import { toolResult } from '../../tool/tool-reply.ts'

describe('a result of a tool', () => {
  test.each([
    ['text', () => longText, longText],
    ['a part of text', () => toolResult({ content: [{ type: 'text', text: longText }] }), longText],
    ['data', () => ({ rows: longText }), JSON.stringify({ rows: longText })],
  ])('of more than 32 KiB is a reference with its beginning, and whole for the model: %s', async (_, execute, whole) => {
    const set = await scene(callsOnce, { tools: look(execute) })
    const session = set.claw.session(key)
    await session.send('look').result()
    const size = new TextEncoder().encode(whole).length
    expect(results(set.model.requests[1]?.messages)[0]?.content).toBe(whole)
    const { messages } = await session.history()
    const [part] = (results(messages.map(({ message }) => message))[0]?.content ?? []) as readonly TextPart[]
    expect(part).toEqual({ type: 'text', text: whole.slice(0, 2_000), blob: expect.any(String), size })
    expect(new TextDecoder().decode(await bytesOf(set.claw, part?.blob))).toBe(whole)
    expect(JSON.stringify(set.held.records).length).toBeLessThan(10_000)
    // Counted by its size, which the model sees.
    expect((await session.inspect()).historyTokens).toBeGreaterThan(size / 4)
    await set.claw.stop()
  })

  test.each([
    ['text', (text: string) => text],
    ['a part of text', (text: string) => toolResult({ content: [{ type: 'text', text }] })],
  ])('of more than 200,000 characters reaches the model without its middle, and is whole in the attachment: %s', async (_, output) => {
    const huge = `beginning ${'ö'.repeat(1_000_000)} end`
    const set = await scene(callsOnce, { tools: look(() => output(huge)) })
    const session = set.claw.session(key)
    await session.send('look').result()
    const shown = results(set.model.requests[1]?.messages)[0]?.content as string
    expect(shown).toMatch(/^beginning ö+\n… 800014 characters left out …\nö+ end$/)
    expect(shown.length).toBeLessThan(200_100)
    const [part] = (results((await session.history()).messages.map(({ message }) => message))[0]?.content ?? []) as readonly TextPart[]
    expect(new TextDecoder().decode(await bytesOf(set.claw, part?.blob))).toBe(huge)
    expect((await session.inspect()).historyTokens).toBeLessThan(60_000)
    await set.claw.stop()
  })

  test('of several long parts is whole in its attachments, and reaches the model up to the same limit', async () => {
    const texts = ['a', 'b', 'c', 'd'].map((letter) => letter.repeat(150_000))
    const output = toolResult({ content: texts.map((text) => ({ type: 'text' as const, text })) })
    const set = await scene(callsOnce, { tools: look(() => output) })
    const session = set.claw.session(key)
    await session.send('look').result()
    const kept = (results((await session.history()).messages.map(({ message }) => message))[0]?.content ?? []) as readonly TextPart[]
    const whole = await Promise.all(kept.map(async ({ blob }) => new TextDecoder().decode(await bytesOf(set.claw, blob))))
    expect(whole).toEqual(texts)
    const shown = results(set.model.requests[1]?.messages)[0]?.content as readonly TextPart[]
    expect(shown.map(({ text }) => text.length)).toEqual([150_000, expect.any(Number), expect.any(Number)])
    expect(shown[1]?.text).toMatch(/^b+\n… 100000 characters left out …\nb+$/)
    expect(shown[2]?.text).toBe('… 2 texts left out …')
    await set.claw.stop()
  })

  test('of many short parts is bounded in the journal', async () => {
    const content = Array.from({ length: 40 }, () => ({ type: 'text' as const, text: 'x'.repeat(10_000) }))
    const set = await scene(callsOnce, { tools: look(() => toolResult({ content })) })
    await set.claw.session(key).send('look').result()
    expect(JSON.stringify(set.held.records).length).toBeLessThan(250_000)
    const shown = results(set.model.requests[1]?.messages)[0]?.content as readonly TextPart[]
    expect(shown.at(-1)?.text).toBe('… 20 texts left out …')
    await set.claw.stop()
  })

  test('of less stays as it is', async () => {
    const set = await scene(callsOnce, { tools: look(() => 'ä'.repeat(16_384)) })
    await set.claw.session(key).send('look').result()
    expect(await set.held.memory.blobs.list(owner)).toEqual([])
    await set.claw.stop()
  })

  test('keeps its parts in order: texts and images of any size', async () => {
    const content = [{ type: 'text', text: 'short' } as const, image(4), { type: 'text', text: longText } as const, image(5, 100)]
    const set = await scene(callsOnce, { tools: look(() => toolResult({ content })) })
    await set.claw.session(key).send('look').result()
    expect(results(set.model.requests[1]?.messages)[0]?.content).toEqual(content)
    expect(await set.held.memory.blobs.list(owner)).toHaveLength(2)
    await set.claw.stop()
  })

  test('that a hook changes is kept as the hook returned it, and a veto of any length too', async () => {
    const set = await scene(callsOnce, {
      tools: look(() => 'small'),
      hooks: { afterTool: () => ({ content: longText }) },
    })
    await set.claw.session(key).send('look').result()
    expect(results(set.model.requests[1]?.messages)[0]?.content).toBe(longText)
    const denied = await scene(callsOnce, { tools: look(() => 'small'), hooks: { beforeTool: () => ({ deny: longText }) } })
    await denied.claw.session(key).send('look').result()
    expect(results(denied.model.requests[1]?.messages)[0]?.content).toBe(`Denied: ${longText}`)
    for (const { held } of [set, denied]) expect(JSON.stringify(held.records).length).toBeLessThan(10_000)
    await set.claw.stop()
    await denied.claw.stop()
  })

  test('that cannot be stored does not fail the run: the model is told', async () => {
    const set = await scene(callsOnce, {
      tools: look(() => toolResult({ content: [{ type: 'text', text: longText }, image(), { ...image(), data: '*'.repeat(9_000) }] })),
    })
    set.held.before = (call) => {
      if (call === 'put') throw new BeamClawError('store-full', 'no room')
    }
    expect((await set.claw.session(key).send('look').result()).text).toBe('done')
    const [text, ...images] = (results(set.model.requests[1]?.messages)[0]?.content ?? []) as readonly TextPart[]
    expect(text?.text).toMatch(/^beginning .*could not be stored …$/s)
    expect(images.map((part) => part.text)).toEqual(Array(2).fill('[an image was left out: it could not be stored]'))
    expect(set.logged.filter(({ event }) => event === 'session.attachment-not-stored')).toHaveLength(3)
    await set.claw.stop()
  })

  test('is trimmed after three more turns, and loses its reference for the model alone', async () => {
    const set = await scene(
      (messages, index) =>
        messages.at(-1)?.role === 'tool' && index % 2 === 1 ? { text: 'done' } : { calls: [{ id: `call-${index}`, name: 'look' }] },
      {
        tools: look(() => longText),
      },
    )
    for (let round = 0; round < 5; round++) await set.claw.session(key).send(`look ${round}`).result()
    const shown = results(set.model.requests.at(-1)?.messages)
    expect(shown.map(({ content }) => content === longText)).toEqual([false, false, true, true, true])
    expect(shown[0]?.content).toEqual([{ type: 'text', text: expect.stringContaining('the rest was left out') }])
    const history = results((await set.claw.session(key).history()).messages.map(({ message }) => message))
    expect(history.map(({ content }) => (content as readonly TextPart[])[0]?.blob)).toEqual(Array(5).fill(expect.any(String)))
    await set.claw.stop()
  })
})

describe('a reference of a caller', () => {
  const forged = { type: 'image', mediaType: 'image/png', blob: 'a'.repeat(64), size: 1 } as const

  test('to an attachment of the session is accepted, with its true size', async () => {
    const set = await scene()
    const session = set.claw.session(key)
    await session.send(withImage()).result()
    const blob = imageIn((await session.history()).messages[0]?.message)?.blob ?? ''
    await session.send([{ type: 'image', mediaType: 'image/png', blob, size: 1 }]).result()
    expect(userContent(set.model.requests[1]?.messages, 1)).toEqual([image()])
    expect(imageIn((await session.history()).messages[2]?.message)?.size).toBe(20_000)
    await set.claw.stop()
  })

  test('that the session does not have is refused', async () => {
    const set = await scene()
    const session = set.claw.session(key)
    await session.send('hello').result()
    const other = set.claw.session('agent:main:other')
    await other.send(withImage()).result()
    const theirs = imageIn((await other.history()).messages[0]?.message) as ImagePart
    for (const part of [forged, theirs]) {
      await expect(session.send(withImage(part)).accepted).rejects.toMatchObject({
        code: 'invalid-message',
        message: expect.stringContaining('content[1].blob'),
      })
    }
    const broken = [
      { ...forged, blob: 'A'.repeat(64) },
      { ...forged, blob: '../x' },
      { ...forged, data: 'aaaa' },
      { type: 'image', mediaType: 'image/png', blob: forged.blob },
    ]
    for (const part of broken)
      await expect(session.send(withImage(part as ImagePart)).accepted).rejects.toMatchObject({ code: 'invalid-message' })
    await expect(session.send([{ type: 'text', text: 'x', blob: forged.blob, size: 1 }]).accepted).rejects.toMatchObject({
      code: 'invalid-message',
    })
    await expect(set.claw.session('agent:main:new').import([{ role: 'user', content: [forged] }])).rejects.toMatchObject({
      code: 'invalid-message',
    })
    await expect(set.claw.session('agent:main:new').import([{ role: 'user', content: [forged] }])).rejects.toThrow(
      'import the result of export()',
    )
    await expect(set.claw.session('agent:main:new').exists()).resolves.toBe(false)
    expect((await session.history()).total).toBe(2)
    await set.claw.stop()
  })

  test('is refused where there is no session', async () => {
    const set = await scene()
    const asking = () => set.claw.complete({ model: 'test/model', messages: [{ role: 'user', content: [forged] }] })
    expect(asking).toThrow(expect.objectContaining({ code: 'invalid-message' }))
    await expect(set.claw.generate('test/model', [forged])).rejects.toMatchObject({ code: 'invalid-message' })
    await set.claw.stop()
  })

  test('that a tool returns and the session does not have is replaced by a note', async () => {
    const set = await scene(callsOnce, { tools: look(() => toolResult({ content: [forged] })) })
    await set.claw.session(key).send('look').result()
    expect(results(set.model.requests[1]?.messages)[0]?.content).toEqual([{ type: 'text', text: expect.stringContaining('left out') }])
    expect(JSON.stringify(set.held.records)).not.toContain(forged.blob)
    await set.claw.stop()
  })
})
