import { expect, test } from 'vitest'
import { Turns } from '../turns.ts'
import { inTurns } from './in-turns.ts'
import type { Piece } from './piece.ts'

const end: Piece = { type: 'end', finish: 'stop', usage: { inputTokens: 0, outputTokens: 0, cacheReadTokens: 0, cacheWriteTokens: 0 } }

async function* of(...texts: readonly string[]): AsyncGenerator<Piece> {
  for (const text of texts) yield { type: 'text', text }
  yield end
}

async function textsOf(pieces: AsyncIterator<Piece>): Promise<readonly string[]> {
  const texts: string[] = []
  let last: Piece | undefined
  for await (const piece of inTurns(pieces, new Turns(), () => {})) {
    if (piece.type === 'text') texts.push(piece.text)
    last = piece
  }
  expect(last).toBe(end)
  return texts
}

test('what is ready together comes as one piece', async () => {
  expect(await textsOf(of('a', 'b', 'c'))).toEqual(['abc'])
})

test('what is long comes in several, and no character is cut in two', async () => {
  const text = `x${'😀'.repeat(20_000)}`
  const texts = await textsOf(of(text))
  expect(texts.length).toBe(3)
  expect(texts.join('')).toBe(text)
  expect(texts.every((piece) => piece.isWellFormed())).toBe(true)
})

test('a failure comes after what was said before it', async () => {
  async function* failing(): AsyncGenerator<Piece> {
    yield { type: 'text', text: 'a' }
    throw new Error('lost')
  }
  const heard: string[] = []
  const read = async (): Promise<void> => {
    for await (const piece of inTurns(failing(), new Turns(), () => {})) if (piece.type === 'text') heard.push(piece.text)
  }
  await expect(read()).rejects.toThrow('lost')
  expect(heard).toEqual(['a'])
})
