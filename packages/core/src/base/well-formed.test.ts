import { describe, expect, test } from 'vitest'
import { firstCharacters, lastCharacters, PairJoiner, wellFormedJson } from './well-formed.ts'

describe('a cut', () => {
  const text = `a${'😀'.repeat(4)}b`

  test('never splits a surrogate pair, wherever it falls', () => {
    for (let maximum = 0; maximum <= text.length + 1; maximum++) {
      const first = firstCharacters(text, maximum)
      const last = lastCharacters(text, maximum)
      expect([first.isWellFormed(), last.isWellFormed()]).toEqual([true, true])
      expect(first.length).toBeGreaterThanOrEqual(Math.min(text.length, maximum) - 1)
      expect(last.length).toBeGreaterThanOrEqual(Math.min(text.length, maximum) - 1)
      expect(Math.max(first.length, last.length)).toBeLessThanOrEqual(maximum)
    }
  })
})

describe('JSON', () => {
  test('has no half of a pair, in values and in names', () => {
    const text = wellFormedJson({ '\ud83d': ['\ude00', { deep: 'a\ud83d' }], fine: '😀 \\ud83d' })
    expect(JSON.parse(text ?? '')).toEqual({ '\ufffd': ['\ufffd', { deep: 'a\ufffd' }], fine: '😀 \\ud83d' })
  })
})

describe('pieces of a text', () => {
  test('that end in the middle of a pair make whole characters', () => {
    const joiner = new PairJoiner()
    const pieces = [...'a😀b'].flatMap((character) => character.split(''))
    expect(pieces.map((piece) => joiner.add(piece)).concat(joiner.end())).toEqual(['a', '', '😀', 'b', ''])
  })

  test('that never make a whole character end with a replacement', () => {
    const joiner = new PairJoiner()
    expect([joiner.add('a\ud83d'), joiner.add('\ud83d'), joiner.end()]).toEqual(['a', '\ufffd', '\ufffd'])
  })
})
