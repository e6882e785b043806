import { expect, test } from 'vitest'
import { clusterNames } from './cluster-names.ts'
import { encodeItem } from './envelope.ts'
import { Outbox } from './outbox.ts'

/** An outbox, and what it published. */
function scene() {
  const published: { readonly f: string; readonly m: readonly { readonly b: unknown }[] }[] = []
  const link = {
    send: async (_doing: string, words: readonly unknown[]) => {
      published.push(JSON.parse(String(words[2])))
      return 1
    },
    script: async () => 1,
  }
  const outbox = new Outbox({
    link,
    names: clusterNames('p'),
    hasOtherServers: false,
    clock: { yieldTo: (callback) => void setImmediate(callback) },
  })
  const post = (from: string, body: number): void => outbox.post('to', { ...encodeItem({ kind: 'tell', body }), from })
  return { outbox, post, published }
}

test('messages of one tick to one node are one message, in order', async () => {
  const { outbox, post, published } = scene()
  for (const body of [1, 2, 3]) post('life', body)
  await outbox.drain()
  expect(published.map(({ f, m }) => [f, m.map(({ b }) => b)])).toEqual([['life', [1, 2, 3]]])
})

test('those of two lives of a node are not mixed: each is of the life that sent it', async () => {
  const { outbox, post, published } = scene()
  post('before', 1)
  post('before', 2)
  post('after', 3)
  await outbox.drain()
  expect(published.map(({ f, m }) => [f, m.map(({ b }) => b)])).toEqual([
    ['before', [1, 2]],
    ['after', [3]],
  ])
})
