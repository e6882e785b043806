import { BeamClawError } from '@beamclaw/core'
import { expect, test } from 'vitest'
import { AppendGroups } from './append-groups.ts'
import type { RedisReply } from './redis-client.ts'

interface SentGroup {
  readonly lists: readonly string[]
  readonly args: readonly string[]
  readonly reply: (reply: RedisReply) => void
  readonly fail: (error: unknown) => void
}

/** A server that replies when it is told to. */
class Server {
  readonly underWay: SentGroup[] = []
  mostUnderWay = 0
  readonly groups = new AppendGroups((lists, args) => {
    for (const list of lists) expect(this.underWay.some((other) => other.lists.includes(list))).toBe(false)
    const { promise, resolve, reject } = Promise.withResolvers<RedisReply>()
    this.underWay.push({ lists, args, reply: resolve, fail: reject })
    this.mostUnderWay = Math.max(this.mostUnderWay, this.underWay.length)
    return promise
  })

  append(list: string, record: string, how: { readonly size?: number; readonly refusal?: () => BeamClawError | undefined } = {}) {
    const { promise, resolve, reject } = Promise.withResolvers<RedisReply>()
    const { size = record.length, refusal = () => undefined } = how
    const settle = (outcome: { readonly reply: RedisReply } | { readonly error: unknown }): void =>
      'error' in outcome ? reject(outcome.error) : resolve(outcome.reply)
    this.groups.push({ list, records: [record], expectedLength: 2, size, refusal, settle })
    promise.catch(() => {})
    return promise
  }

  /** Ends a group, with the name of each list as its reply. Resolves with what each list was to get. */
  async end(index: number, error?: unknown): Promise<ReadonlyMap<string, readonly string[]>> {
    const [group] = this.underWay.splice(index, 1) as [SentGroup]
    const written = new Map<string, readonly string[]>()
    let at = 0
    for (const list of group.lists) {
      const count = Number(group.args[at])
      written.set(list, group.args.slice(at + 2, at + 2 + count))
      at += 2 + count
    }
    expect(at).toBe(group.args.length)
    if (error === undefined) group.reply([...group.lists])
    else group.fail(error)
    await turn()
    return error === undefined ? written : new Map()
  }
}

/** Long enough for a group to be sent. */
const turn = async (): Promise<void> => {
  for (let count = 0; count < 3; count++) await new Promise(setImmediate)
}

const names = (count: number, from = 0): readonly string[] => Array.from({ length: count }, (_, index) => `log-${from + index}`)

test('what is appended while a group is under way goes into the next one', async () => {
  const server = new Server()
  for (const list of names(10)) void server.append(list, 'first')
  await turn()
  for (const list of names(100)) void server.append(list, 'second')
  await turn()
  expect(server.underWay.map(({ lists }) => lists.length)).toEqual([10])
  await server.end(0)
  expect(server.underWay.map(({ lists }) => lists.length)).toEqual([100])
})

test('while many wait, the server has two groups, of different logs', async () => {
  const server = new Server()
  const replies = names(700).map((list) => server.append(list, 'first'))
  await turn()
  expect(server.underWay.map(({ lists }) => lists.length)).toEqual([256, 256])
  // The second of a log in the first group waits for that group, whichever ends first.
  void server.append('log-0', 'second')
  await server.end(1)
  expect(server.underWay.map(({ lists }) => lists.length)).toEqual([256, 188])
  await server.end(1)
  expect(server.underWay.map(({ lists }) => lists.length)).toEqual([256])
  await server.end(0)
  expect(await server.end(0)).toEqual(new Map([['log-0', ['second']]]))
  expect(await Promise.all(replies)).toEqual(names(700))
})

test('a log that broke gets nothing more of what waits, and a failed group fails all of its own alone', async () => {
  const server = new Server()
  const failure = new BeamClawError('store-io', 'the connection was lost')
  let broken: BeamClawError | undefined
  const first = server.append('a', 'first')
  await turn()
  const second = server.append('a', 'second', { refusal: () => broken })
  const other = server.append('b', 'first')
  first.catch((error: BeamClawError) => {
    broken = error
  })
  await server.end(0, failure)
  await expect(first).rejects.toBe(failure)
  await expect(second).rejects.toBe(failure)
  expect(await server.end(0)).toEqual(new Map([['b', ['first']]]))
  expect(await other).toBe('b')
})

test.each([1, 2, 3, 4, 5, 6, 7, 8])('whatever ends first, each log gets its records once and in order (%i)', async (seed) => {
  let state = seed
  const random = (below: number): number => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0
    return Math.floor((state / 2 ** 32) * below)
  }
  const server = new Server()
  const [sent, stored] = [new Map<string, string[]>(), new Map<string, string[]>()]
  const failed = new Set<string>()
  let open = 0
  for (let step = 0; step < 200; step++) {
    for (let count = random(120); count > 0; count--) {
      const list = `log-${random(400)}`
      const record = `${list}:${step}:${count}`
      open++
      server.append(list, record, { size: random(50) === 0 ? 3_000_000 : 10 }).then(
        () => {
          open--
          sent.set(list, [...(sent.get(list) ?? []), record])
        },
        () => {
          open--
          failed.add(record)
        },
      )
    }
    if (random(3) > 0) await turn()
    if (server.underWay.length > 0 && random(2) === 0)
      take(await server.end(random(server.underWay.length), random(20) === 0 ? 'failed' : undefined))
  }
  for (await turn(); server.underWay.length > 0; await turn()) take(await server.end(0))
  expect(open).toBe(0)
  expect(stored).toEqual(sent)
  for (const records of stored.values()) expect(records.some((record) => failed.has(record))).toBe(false)
  expect(server.mostUnderWay).toBe(2)

  function take(written: ReadonlyMap<string, readonly string[]>): void {
    for (const [list, records] of written) stored.set(list, [...(stored.get(list) ?? []), ...records])
  }
})

test('what waits for a group under way stays before what follows it in the same log', async () => {
  const server = new Server()
  void server.append('a', '1')
  await turn()
  void server.append('a', '2')
  // More than fits into one group, so that the last append is not looked at with the one before it.
  for (const list of names(200)) void server.append(list, 'x', { size: 40 * 1024 })
  void server.append('a', '3')
  await turn()
  expect(server.underWay.map(({ lists }) => lists.length)).toEqual([1, 102])
  const sent: string[] = []
  while (server.underWay.length > 0) sent.push(...((await server.end(0)).get('a') ?? []))
  expect(sent).toEqual(['1', '2', '3'])
})

test('is full at 64 MiB', () => {
  const server = new Server()
  for (let count = 0; count < 64; count++) void server.append('a', 'x', { size: 1024 * 1024 })
  expect(() => server.groups.checkRoom(1)).toThrow(expect.objectContaining({ code: 'overloaded' }))
})

test('has room again once it has refused what a broken handle left waiting', async () => {
  const server = new Server()
  const failure = new BeamClawError('store-io', 'the connection was lost')
  const refused = server.append('a', 'x', { size: 60 * 1024 * 1024, refusal: () => failure })
  expect(() => server.groups.checkRoom(10 * 1024 * 1024)).toThrow(expect.objectContaining({ code: 'overloaded' }))
  await expect(refused).rejects.toBe(failure)
  server.groups.checkRoom(10 * 1024 * 1024)
  expect(server.underWay).toEqual([])
})
