import type { EventEmitter } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Writable } from 'node:stream'
import { flushEventLoop, gate } from '@beamclaw/actor/testing'
import { describe, expect, onTestFinished, test } from 'vitest'
import { BeamClawError } from '../../base/errors.ts'
import { ForgetfulStore } from '../../testing/forgetful-store.ts'
import { FunctionModel, stage } from '../../testing/model.ts'
import type { ScriptedAnswer } from '../../testing/scripted-provider.ts'
import type { SessionHandle } from '../session-handle.ts'
import { calls, finish, framesIn, key, PlainChat, says, secret, serve, sessionOf, shown, until } from '../testing/chat.ts'
import type { NodeResponse } from './run-response.ts'

describe('a reader that goes away', () => {
  const endless: ScriptedAnswer = { parts: [says('one ')], hang: true }

  test('ends its reading at once, and the run goes on', async () => {
    const { session } = await sessionOf(endless)
    const left = gate()
    const chat = new PlainChat(await serve(session, {}, left.resolve))
    const done = chat.sendMessage({ text: 'count' })
    await until(() => chat.text === 'one ')
    await chat.stop()
    await done
    await left.promise
    expect((await session.inspect()).current?.waitsFor).toBe('model')
  })

  test('ends the run where the host wants it so', async () => {
    const { session } = await sessionOf(endless)
    const chat = new PlainChat(await serve(session, { abortOnDisconnect: true }))
    const done = chat.sendMessage({ text: 'count' })
    await until(() => chat.text === 'one ')
    const run = session.follow(chat.messages[0]?.id ?? '')
    await chat.stop()
    await done
    await expect(run.result()).rejects.toMatchObject({ code: 'run-aborted' })
  })

  test('of a Response does so by cancelling its body', async () => {
    const { session } = await sessionOf(endless)
    const run = session.send('count')
    const { body } = await run.toResponse({ abortOnDisconnect: true })
    const reader = body?.getReader()
    await reader?.read()
    const pending = (async () => {
      while ((await reader?.read())?.done !== true);
    })()
    await reader?.cancel()
    await pending
    await expect(run.result()).rejects.toMatchObject({ code: 'run-aborted' })
  })

  test('counts as gone when the response of Node throws: the reading ends, and the run where the host wants it so', async () => {
    const { session } = await sessionOf(endless)
    const run = session.send('count')
    const broken = new Error('headers were sent')
    const response: NodeResponse = {
      writeHead: () => {
        throw broken
      },
      write: () => true,
      end: () => {},
      on: () => {},
      off: () => {},
    }
    await expect(run.pipeTo(response, { abortOnDisconnect: true })).rejects.toBe(broken)
    await flushEventLoop()
    expect((await session.inspect()).current).toBeUndefined()
    await expect(run.result()).rejects.toMatchObject({ code: 'run-aborted' })
  })

  test('aborts nothing once the run has told its end', async () => {
    const { session } = await sessionOf('done')
    const run = session.send('hi')
    await (await run.toResponse({ abortOnDisconnect: true })).text()
    expect((await run.result()).text).toBe('done')
  })
})

describe('server-sent events', () => {
  const answers: ScriptedAnswer[] = [{ parts: [calls('weather'), finish('tool-calls')] }, 'It rains.']
  const whole = [
    '1 message-accepted',
    '2 run-start',
    '3 model-request',
    '4 message',
    '5 tool-call',
    '6 tool-result',
    '7 model-request',
    'text-delta',
    '8 message',
    '9 run-end',
  ]

  test('tell each event of the run, with its cursor', async () => {
    const { session } = await sessionOf(...answers)
    const response = await session.send('hi', { idempotencyKey: 'one' }).toResponse()
    expect(Object.fromEntries(response.headers)).toMatchObject({
      'content-type': 'text/event-stream',
      'cache-control': 'no-cache, no-transform',
      'x-beamclaw-run-id': 'one',
    })
    expect(shown(framesIn(await response.text()))).toEqual(whole)
  })

  test.each([1, '4', 8])('go on after the cursor %s, while the run goes on and when it is over', async (after) => {
    const { session } = await sessionOf(...answers)
    const run = session.send('hi', { idempotencyKey: 'one' })
    const during = framesIn(await (await run.toResponse({ after })).text())
    const later = framesIn(await (await session.follow('one').toResponse({ after })).text())
    const isNew = (line: string): boolean => !line.includes(' ') || Number.parseInt(line, 10) > Number(after)
    expect(shown(during)).toEqual(whole.filter(isNew))
    expect(shown(later)).toEqual(whole.filter((line) => line.includes(' ') && isNew(line)))
  })

  test('have no more to tell after the end, which the status says', async () => {
    const { session } = await sessionOf('done')
    await session.send('hi', { idempotencyKey: 'one' }).result()
    const response = await session.follow('one').toResponse({ after: '5' })
    expect([response.status, await response.text()]).toEqual([204, ''])
  })

  test('may be asked for again and again, also by those who iterate', async () => {
    const { session } = await sessionOf(...answers)
    const run = session.send('hi')
    const [first, second] = await Promise.all([run.toResponse(), run.toResponse()])
    const iterated: string[] = []
    for await (const { type } of run) iterated.push(type)
    expect(shown(framesIn(await first.text())).filter((line) => line !== 'text-delta')).toEqual(
      whole.filter((line) => line !== 'text-delta'),
    )
    expect(shown(framesIn(await second.text())).at(-1)).toBe('9 run-end')
    expect(iterated.at(-1)).toBe('run-end')
  })

  test('hide the texts of errors', async () => {
    const { session } = await sessionOf(
      { parts: [calls('broken'), finish('tool-calls')] },
      { error: new BeamClawError('provider-auth', secret) },
    )
    const text = await (await session.send('hi').toResponse()).text()
    expect(text).not.toContain('secret')
    expect(framesIn(text).at(-1)).toMatchObject({ failure: { code: 'provider-auth', message: 'Something went wrong (provider-auth).' } })
  })

  test('of a run whose records are gone tell its last message and its end', async () => {
    const model = new FunctionModel(({ messages }) => ({ text: `heard ${messages.length}` }))
    const { claw } = await stage(model, {}, { store: new ForgetfulStore() })
    const session = claw.session(key)
    for (let index = 0; index < 60; index++) await session.send(`message ${index}`, { idempotencyKey: `${index}` }).result()
    const frames = framesIn(await (await session.follow('0').toResponse({ after: '2' })).text())
    expect(shown(frames)).toEqual(['end message', 'end run-end'])
    expect((await session.follow('0').toResponse({ after: 'end' })).status).toBe(204)
    const text = await (await session.follow('0').toResponse({ format: 'ui-message-stream' })).text()
    expect(text).toContain('"delta":"heard 1"')
    claw.kill()
  })

  test('break a silence with a comment', async () => {
    const { session, clock } = await sessionOf({ hang: true })
    const { body } = await session.send('hi').toResponse({ heartbeatMs: 5_000 })
    const reader = body?.pipeThrough(new TextDecoderStream()).getReader()
    let text = ''
    while (!text.includes('model-request')) text += (await reader?.read())?.value ?? ''
    const next = reader?.read()
    await flushEventLoop()
    await clock.advance(5_000)
    expect((await next)?.value).toBe(':\n\n')
    await reader?.cancel()
  })

  test.each([-1, 1.5, 'x', '1e3', '9'.repeat(20), {}])('refuse %j as a cursor', async (after) => {
    const { session } = await sessionOf('done')
    await expect(session.send('hi').toResponse({ after: after as string })).rejects.toMatchObject({ code: 'invalid-option' })
  })

  test('take null and an empty text, as a header gives them, for no cursor; and a chat takes none', async () => {
    const { session } = await sessionOf('done', 'done')
    for (const after of [null, '']) {
      const frames = framesIn(await (await session.send('hi').toResponse({ after })).text())
      expect(frames[0]?.type).toBe('message-accepted')
    }
    const chat = session.follow('none').toResponse({ format: 'ui-message-stream', after: 1 })
    await expect(chat).rejects.toMatchObject({ code: 'invalid-option', message: expect.stringContaining('no cursors') })
  })
})

describe('before a byte is sent', () => {
  test('a message that is refused rejects with its own error', async () => {
    const { session } = await sessionOf('done')
    await session.send('hi', { idempotencyKey: 'one' }).result()
    const sent: unknown[] = []
    const none = (): void => {}
    const head = (status: number): unknown => sent.push(status)
    const response = { writeHead: head, write: none, end: none, on: none, off: none } as unknown as NodeResponse
    const other = session.send('something else', { idempotencyKey: 'one' })
    await expect(other.pipeTo(response)).rejects.toMatchObject({ code: 'idempotency-mismatch' })
    await expect(other.toResponse()).rejects.toMatchObject({ code: 'idempotency-mismatch' })
    await expect(session.follow('two').toResponse()).rejects.toMatchObject({ code: 'unknown-run' })
    expect(sent).toEqual([])
  })

  test.each([undefined, null, 5, 'response', {}, new Response(), new WritableStream()])('%s is no response of Node', async (junk) => {
    const { session } = await sessionOf('done')
    const problem = /pipeTo: option "response" (must be|is required:) a response of node:http/
    await expect(session.send('hi').pipeTo(junk as never)).rejects.toMatchObject({
      code: 'invalid-option',
      message: expect.stringMatching(problem),
    })
  })
})

describe('a response of Node whose head was sent', () => {
  test('is refused, and gets no listener', async () => {
    const { session } = await sessionOf('done')
    const refused = Promise.withResolvers<unknown>()
    const server = createServer((_request, response) => {
      response.writeHead(200).write('mine')
      const before = response.listenerCount('close')
      void session
        .send('hi')
        .pipeTo(response)
        .catch((error: unknown) => {
          refused.resolve([error, response.listenerCount('close') - before])
          response.end(', and mine alone')
        })
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    onTestFinished(() => void server.close())
    const answer = await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
    expect(await answer.text()).toBe('mine, and mine alone')
    const message = expect.stringMatching(/^pipeTo: the head of "response" was already sent/)
    expect(await refused.promise).toEqual([expect.objectContaining({ code: 'invalid-option', message }), 0])
  })

  test('while the message was on its way, is refused too', async () => {
    const { session } = await sessionOf('done')
    const headers: unknown[] = []
    const none = (): void => {}
    const response = { headersSent: false, writeHead: (head: unknown) => headers.push(head), write: none, end: none, on: none, off: none }
    const piped = session.send('hi').pipeTo(response as unknown as NodeResponse)
    response.headersSent = true
    await expect(piped).rejects.toMatchObject({ code: 'invalid-option' })
    expect(headers).toEqual([])
  })
})

describe('the listeners of a response of Node', () => {
  const events = ['close', 'error', 'drain', 'finish'] as const
  const counts = (response: EventEmitter): number[] => events.map((event) => response.listenerCount(event))

  /** Serves one run, and resolves with the listeners before it and once the response is closed. */
  async function listenersOf(session: SessionHandle, read: (response: Response) => Promise<unknown>): Promise<readonly number[][]> {
    const found: number[][] = []
    const closed = gate()
    const server = createServer((_request, response) => {
      const before = counts(response)
      response.once('close', () => {
        // After every other listener of the same event.
        setImmediate(() => {
          found.push(before, counts(response))
          closed.resolve()
        })
      })
      void session.send('hi').pipeTo(response)
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    onTestFinished(() => void server.close())
    await read(await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}`))
    await closed.promise
    return found
  }

  test('are gone once the run has told its end', async () => {
    const { session } = await sessionOf('done')
    const [before, after] = await listenersOf(session, (response) => response.text())
    expect(after).toEqual(before)
  })

  test('are gone once the reader has left', async () => {
    const { session } = await sessionOf({ parts: [says('one ')], hang: true })
    const [before, after] = await listenersOf(session, async ({ body }) => body?.cancel())
    expect(after).toEqual(before)
  })
})

test('a response of Node that is full is waited for', async () => {
  const { session } = await sessionOf({ parts: [...Array.from({ length: 50 }, () => says('word ')), finish('stop')] })
  const taken: string[] = []
  let take: (() => void) | undefined
  const slow = new Writable({
    highWaterMark: 1,
    write(chunk, _encoding, done) {
      taken.push(String(chunk))
      take = done
    },
  })
  const writes: number[] = []
  const response = Object.assign(slow, { writeHead: () => {} })
  const write = slow.write.bind(slow) as (text: string) => boolean
  response.write = ((text: string) => {
    writes.push(taken.length)
    return write(text)
  }) as never
  const piped = session.send('hi').pipeTo(response)
  while (!slow.writableFinished) {
    await flushEventLoop()
    const go = take
    take = undefined
    go?.()
  }
  await piped
  // Each frame was written only when the one before had been taken.
  expect(writes).toEqual(writes.map((_, index) => index))
  expect(framesIn(taken.join('')).at(-1)?.type).toBe('run-end')
})
