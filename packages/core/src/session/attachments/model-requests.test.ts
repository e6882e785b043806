import { flushEventLoop } from '@beamclaw/actor/testing'
import { describe, expect, test } from 'vitest'
import { BeamClawError } from '../../base/errors.ts'
import type { Message } from '../../base/messages.ts'
import type { RunningBeamClaw } from '../../running-beamclaw.ts'
import {
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

describe('what a model is asked with', () => {
  test('has no reference in any request, also after a nap and a restart', async () => {
    const set = await scene(callsOnce, { tools: look(() => longText) })
    for (const round of [1, 2]) {
      await set.claw
        .session(key)
        .send(withImage(image(round)))
        .result()
      await set.clock.advance(70_000)
      await flushEventLoop()
    }
    const claw = await set.restart()
    await claw.session(key).send('and now?').result()
    expect(JSON.stringify(set.model.requests)).not.toContain('"blob"')
    expect(JSON.stringify(set.model.requests.at(-1)?.messages)).toContain(image(1).data)
    await claw.stop()
  })

  test('is whole for beforeModel, and stays whole when the hook takes messages from the history', async () => {
    const seen: (readonly Message[])[] = []
    let claw: RunningBeamClaw | undefined
    const set = await scene(() => ({ text: 'ok' }), {
      hooks: {
        beforeModel: async ({ request }) => {
          seen.push(request.messages)
          const { messages } = (await claw?.session(key).history()) ?? { messages: [] }
          return { ...request, messages: messages.map(({ message }) => message) }
        },
      },
    })
    claw = set.claw
    await claw.session(key).send(withImage()).result()
    expect(userContent(seen[0])).toEqual(withImage())
    expect(userContent(set.model.requests[0]?.messages)).toEqual(withImage())
    await claw.stop()
  })

  test.each([
    ['missing', async ({ held }: Awaited<ReturnType<typeof scene>>) => held.memory.blobs.deleteAll(owner)],
    [
      'damaged',
      async ({ held }: Awaited<ReturnType<typeof scene>>) => {
        held.spoil = (blob) => {
          const bytes = {
            [Symbol.asyncIterator]: async function* () {
              yield new Uint8Array(10)
              throw new BeamClawError('log-corrupt', 'damaged')
            },
          }
          return blob && { ...blob, bytes }
        }
      },
    ],
    [
      'not to be read',
      async ({ held }: Awaited<ReturnType<typeof scene>>) => {
        held.before = (call) => {
          if (call === 'read') throw new BeamClawError('store-io', 'bad sector')
        }
      },
    ],
  ])('has a note in the place of what is %s: the conversation goes on, and the log tells it once for a run', async (_, spoil) => {
    let calls = 0
    const set = await scene(callsOnce, { tools: look(() => `${longText}${++calls}`) })
    const session = set.claw.session(key)
    await session.send(withImage(image(1), image(2))).result()
    await spoil(set)
    expect((await session.send('and now?').result()).text).toBe('done')
    const last = set.model.requests.at(-1)?.messages
    expect(userContent(last)).toEqual([
      { type: 'text', text: 'look' },
      ...Array(2).fill({ type: 'text', text: '[an image (image/png, 20000 bytes) was attached here, and cannot be read]' }),
    ])
    expect(String(results(last)[0]?.content)).toMatch(/^beginning .*cannot be read …$/s)
    expect(set.logged.filter(({ event }) => event === 'session.attachment-unreadable')).toHaveLength(1)
    expect(imageIn((await session.history()).messages[0]?.message)?.blob).toEqual(expect.any(String))
    await session.send('and again?').result()
    expect(set.logged.filter(({ event }) => event === 'session.attachment-unreadable')).toHaveLength(2)
    await set.claw.stop()
  })

  test('does not hold a run that is aborted while the store hangs', async () => {
    const set = await scene()
    const session = set.claw.session(key)
    set.held.before = (call) => (call === 'read' ? new Promise(() => {}) : undefined)
    const run = session.send(withImage())
    await run.accepted
    await flushEventLoop()
    await session.abort()
    await expect(run.result()).rejects.toMatchObject({ code: 'run-aborted' })
    set.held.before = () => {}
    expect((await session.send('hello').result()).text).toBe('ok')
    set.claw.kill()
  })

  test('asks the store for nothing where nothing refers to an attachment', async () => {
    const set = await scene(callsOnce, { tools: look(() => 'small') })
    set.held.before = (call) => {
      throw new Error(`nothing asks for blobs.${call}`)
    }
    await set.claw.session(key).send('look').result()
    await set.clock.advance(70_000)
    await set.claw
      .session(key)
      .send(withImage(image(1, 100)))
      .result()
    const claw = await set.restart()
    await claw.session(key).send('look').result()
    await claw.session(key).fork('branch')
    await claw.session(key).export()
    expect(set.held.done.filter((done) => done.startsWith('blobs.'))).toEqual([])
    await claw.stop()
  })
})

describe('a summary', () => {
  test('is made of whole texts, and leaves images to their names', async () => {
    const summaries: string[] = []
    const set = await scene(
      (messages, index) => {
        const [first] = messages
        if (typeof first?.content === 'string' && first.content.startsWith('user:')) {
          summaries.push(first.content)
          return { text: 'They looked.' }
        }
        return callsOnce(messages, index)
      },
      { tools: look(() => longText), compactAboveTokens: 20_000 },
    )
    for (let round = 0; round < 4; round++)
      await set.claw
        .session(key)
        .send(withImage(image(round)))
        .result()
    expect(summaries.length).toBeGreaterThan(0)
    const asked = summaries.join()
    for (const part of ['look answered: beginning', 'end]', '[image]']) expect(asked).toContain(part)
    expect(JSON.stringify(set.model.requests)).not.toContain('"blob"')
    expect((await set.claw.session(key).history()).messages.filter(({ message }) => message.role === 'tool')).toHaveLength(4)
    await set.claw.stop()
  })
})
