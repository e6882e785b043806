import { describe, expect, it } from 'vitest'
import { FlaggedThoughts, ThinkTags, type ThoughtSplitter } from './thought-tags.ts'

/** Returns the thinking and the text of the pieces. */
function split(splitter: ThoughtSplitter, pieces: readonly (readonly [text: string, isFlagged?: boolean])[]): readonly [string, string] {
  const all = [...pieces.flatMap(([text, isFlagged = false]) => splitter.add(text, isFlagged)), ...splitter.end()]
  const of = (isThought: boolean): string =>
    all
      .filter((piece) => piece.isThought === isThought)
      .map(({ text }) => text)
      .join('')
  return [of(true), of(false)]
}

describe('tags of a model', () => {
  it.each([
    ['<think>a\nb</think>\n\nc', 'a\nb', 'c'],
    ['\n<think>a</think>c <think>d</think>', 'a', 'c <think>d</think>'],
    ['c <think>d</think>', '', 'c <think>d</think>'],
    ['<thinker>c', '', '<thinker>c'],
    ['<think>a < b </thi', 'a < b </thi', ''],
    ['<thi', '', '<thi'],
    ['  ', '', '  '],
    ['<think></think>', '', ''],
    ['<think>a</think>  ', 'a', ''],
    ['', '', ''],
  ])('are found however they are cut: %j', (content, thinking, text) => {
    for (let cut = 0; cut <= content.length; cut++)
      expect(split(new ThinkTags(), [[content.slice(0, cut)], [content.slice(cut)]]), String(cut)).toEqual([thinking, text])
    expect(
      split(
        new ThinkTags(),
        [...content].map((character) => [character]),
      ),
    ).toEqual([thinking, text])
  })
})

describe('thoughts that are flagged', () => {
  it.each<[string, readonly (readonly [string, boolean?])[], string, string]>([
    ['whole', [['<thought>a', true], ['b', true], ['</thought>c'], ['d']], 'ab', 'cd'],
    ['with an end of its own', [['<thought>a', true], ['</thought>'], ['c']], 'a', 'c'],
    ['with a cut end', [['<thought>a', true], ['</tho'], ['ught>c']], 'a', 'c'],
    ['with a cut beginning', [['<'], ['thought>a', true], ['</thought>c']], 'a', 'c'],
    ['without tags', [['a', true], ['c']], 'a', 'c'],
    ['twice', [['<thought>a', true], ['</thought>c'], ['b', true], ['d']], 'ab', 'cd'],
    ['nowhere: the tag is text of the answer', [['<thought>a'], ['b</thought>']], '', '<thought>ab</thought>'],
    ['nowhere, and the stream ends within a tag', [['<tho']], '', '<tho'],
    ['and the stream ends within the end', [['<thought>a', true], ['</tho']], 'a', '</tho'],
  ])('are split off %s', (_title, pieces, thinking, text) => {
    expect(split(new FlaggedThoughts(), pieces)).toEqual([thinking, text])
  })
})
