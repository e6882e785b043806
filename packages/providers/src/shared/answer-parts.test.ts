import type { ProviderPart } from '@beamclaw/core'
import { expect, test } from 'vitest'
import { AnswerParts, type BegunAnswer } from './answer-parts.ts'
import type { AnswerReader } from './answer-reader.ts'
import type { HttpAnswer } from './http.ts'
import type { AnswerSink } from './transport.ts'

/** An answer of which each chunk holds the texts of several parts, one for each byte. */
function answerOf() {
  const log: string[] = []
  let sink: AnswerSink | undefined
  const answer = {
    receive: (given: AnswerSink) => {
      sink = given
    },
    expectMore: () => void log.push('waits'),
    expectEnding: () => {},
    drain: () => void log.push('drained'),
    end: () => void log.push('ended'),
    pause: () => void log.push('paused'),
  } as unknown as HttpAnswer
  const reader: AnswerReader = {
    isFinished: false,
    isDone: false,
    read: ({ data }) => (data === '!' ? thrown() : [text(data)]),
    finish: () => [],
  }
  const begun: BegunAnswer = {
    answer,
    in: (chunk) => [...new TextDecoder().decode(chunk)].filter((data) => data !== '.').map((data) => ({ event: undefined, data })),
    atEnd: () => [],
  }
  const parts = new AnswerParts(reader, async () => begun)
  const put = (letters: string): void => sink?.onPiece(new TextEncoder().encode(letters))
  return { parts, put, end: () => sink?.onEnd(), fail: (error: Error) => sink?.onError(error), log }
}

function text(data: string): ProviderPart {
  return { type: 'text-delta', text: data }
}

function thrown(): never {
  throw new Error('unreadable')
}

async function read(parts: AnswerParts): Promise<string | undefined> {
  const { value } = await parts.next()
  return value?.type === 'text-delta' ? value.text : undefined
}

/** Begins an answer by reading its first part. */
async function begun(first = 'a') {
  const answer = answerOf()
  const part = read(answer.parts)
  await Promise.resolve()
  await Promise.resolve()
  answer.put(first)
  expect(await part).toBe(first[0])
  return answer
}

test('parts come in their order, however the answer was cut', async () => {
  const { parts, put, end } = await begun('ab')
  put('.')
  put('c')
  put('d.e')
  end()
  const rest: (string | undefined)[] = []
  for await (const part of parts) rest.push(part.type === 'text-delta' ? part.text : undefined)
  expect(rest).toEqual(['b', 'c', 'd', 'e'])
})

test('an answer has ended once all of its parts were taken, and has not while one is left or an error comes', async () => {
  const whole = await begun('ab')
  whole.end()
  expect(whole.parts.hasEnded()).toBe(false)
  whole.parts.takeReady()
  expect(whole.parts.hasEnded()).toBe(true)
  expect((await whole.parts.next()).done).toBe(true)
  const broken = await begun('a')
  broken.fail(new Error('broken'))
  expect(broken.parts.hasEnded()).toBe(false)
})

test('reads that do not wait for each other get every part, in the order of the reads', async () => {
  const { parts, put, end } = await begun()
  const reads = Array.from({ length: 5 }, () => read(parts))
  put('bc')
  put('.')
  put('d')
  end()
  expect(await Promise.all(reads)).toEqual(['b', 'c', 'd', undefined, undefined])
})

test('the parts before an error come before the error, which comes once', async () => {
  const { parts, put, log } = await begun()
  put('bc!d')
  expect(log).toContain('ended')
  expect(await read(parts)).toBe('b')
  expect(await read(parts)).toBe('c')
  await expect(parts.next()).rejects.toThrow('unreadable')
  expect(await parts.next()).toEqual({ done: true, value: undefined })
})

test('an error of the connection ends the answer after what arrived', async () => {
  const { parts, put, fail } = await begun()
  put('b')
  fail(new Error('reset'))
  expect(await read(parts)).toBe('b')
  await expect(parts.next()).rejects.toThrow('reset')
})

test('who leaves gets nothing any more, and a read that waits hears of it', async () => {
  const { parts, put, log } = await begun()
  const waiting = parts.next()
  await parts.return()
  await expect(waiting).rejects.toMatchObject({ code: 'provider-aborted' })
  put('late')
  expect(await parts.next()).toEqual({ done: true, value: undefined })
  expect(log).toContain('ended')
})

test('what was not read when the loop is left is dropped', async () => {
  const { parts, put } = await begun()
  put('bc')
  await parts.return()
  expect(await parts.next()).toEqual({ done: true, value: undefined })
})

test('a server that is faster than its reader is told to wait until all was read', async () => {
  const { parts, put, log } = await begun()
  put('.'.repeat(2 * 1024 * 1024))
  put('b')
  expect(log).not.toContain('paused')
  put(`c${'.'.repeat(1024 * 1024)}`)
  expect(log).toContain('paused')
  log.length = 0
  expect(await read(parts)).toBe('b')
  expect(await read(parts)).toBe('c')
  expect(log).toEqual([])
  void parts.next().catch(() => {})
  expect(log).toEqual(['waits'])
})

test('the service is responsible for a delay only while a reader waits', async () => {
  const { parts, put, log } = await begun()
  log.length = 0
  put('b')
  expect(log).toEqual([])
  await read(parts)
  expect(log).toEqual([])
  void parts.next().catch(() => {})
  expect(log).toEqual(['waits'])
})

test('who leaves a complete answer leaves its connection to the next one', async () => {
  for (const isRead of [true, false]) {
    const { parts, end, log } = await begun()
    end()
    if (isRead) expect((await parts.next()).done).toBe(true)
    await parts.return()
    expect(log).toContain('drained')
    expect(log).not.toContain('ended')
  }
})

test('parts that have arrived can be taken without a promise, in their order, and without their reader being counted as waiting', async () => {
  const { parts, put, fail, log } = await begun()
  log.length = 0
  expect(parts.takeReady()).toBeUndefined()
  put('bcd')
  expect([parts.takeReady(), parts.takeReady()]).toEqual([text('b'), text('c')])
  expect(await read(parts)).toBe('d')
  expect([parts.takeReady(), log]).toEqual([undefined, []])
  put('e')
  fail(new Error('reset'))
  expect([parts.takeReady(), parts.takeReady()]).toEqual([text('e'), undefined])
  await expect(parts.next()).rejects.toThrow('reset')
})
