import type { TreeNode } from '@beamclaw/actor'
import { expect, test } from 'vitest'
import type { JsonValue } from '../base/messages.ts'
import { outlineOf, readOutline } from './tree-outline.ts'

const worker = (id: string): TreeNode => ({ id, type: 'worker', state: 'running', restarts: 0, mailboxLength: 0 })
const supervisor = (id: string, children: readonly TreeNode[]): TreeNode => ({ ...worker(id), type: 'supervisor', children })

test('shows the first children of each supervisor, and counts the others', () => {
  const tree = supervisor('root', [
    supervisor(
      'a',
      [1, 2, 3, 4].map((n) => worker(`${n}`)),
    ),
    worker('b'),
    worker('c'),
  ])
  expect(outlineOf(tree, 2)).toEqual({
    ...supervisor('root', []),
    children: [{ ...supervisor('a', [worker('1'), worker('2')]), more: 2 }, worker('b')],
    more: 1,
  })
  expect(outlineOf(tree, 4)).toEqual(tree)
})

test('survives the way to another node, whose version may add what this one does not know', () => {
  const outline = outlineOf(supervisor('root', [supervisor('a', [worker('1'), worker('2')])]), 1)
  const sent = JSON.parse(JSON.stringify({ ...outline, colour: 'red' })) as JsonValue
  expect(readOutline(sent)).toEqual(outline)
})

const deep = (levels: number): TreeNode => supervisor('s', levels === 0 ? [] : [deep(levels - 1)])

test.each<[string, unknown]>([
  ['nothing', undefined],
  ['a text', 'tree'],
  ['a list', []],
  ['no id', { ...worker('x'), id: 7 }],
  ['another type', { ...worker('x'), type: 'tree' }],
  ['a state that is none', { ...worker('x'), state: null }],
  ['a negative count', { ...worker('x'), restarts: -1 }],
  ['half a message', { ...worker('x'), mailboxLength: 0.5 }],
  ['an odd count of others', { ...supervisor('x', []), more: 'many' }],
  ['children that are no list', { ...worker('x'), children: {} }],
  ['a child that is none', { ...worker('x'), children: [worker('y'), null] }],
  ['a tree without an end', deep(100)],
])('is not read from %s', (_, value) => {
  expect(readOutline(value as JsonValue)).toBeUndefined()
})
