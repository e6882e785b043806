import { ResourceActor } from '@beamclaw/actor'
import { describe, expect, test } from 'vitest'
import type { RunId } from '../base/ids.ts'
import type { JsonValue } from '../base/messages.ts'
import type { BeamClawOptions } from '../beamclaw-options.ts'
import type { Part, PartHost } from '../part/part.ts'
import { FunctionModel, stage } from '../testing/model.ts'
import type { RecordExtension } from './journal/record-extension.ts'

const key = 'agent:main:main'
const one = 'one' as RunId

/** Counts votes, by name; refuses any other. */
const votes: RecordExtension<Record<string, number>> = {
  id: 'votes',
  initial: {},
  fold(state, { name, data }) {
    if (name !== 'vote' || typeof data !== 'string') throw new Error('not a vote')
    return { ...state, [data]: (state[data] ?? 0) + 1 }
  },
}

function votePart(): { readonly part: Part; readonly host: () => PartHost } {
  let seen: PartHost | undefined
  return {
    part: {
      id: 'votes',
      records: votes,
      start: (host) => {
        seen = host
        return { start: () => new ResourceActor({}) }
      },
    },
    host: () => seen ?? expect.unreachable(),
  }
}

async function withExtension(records: RecordExtension) {
  const { part, host } = votePart()
  const set = await stage(new FunctionModel(() => ({ text: 'fine' })), {}, { parts: [{ ...part, records }] })
  await set.claw.session(key).send('hello', { idempotencyKey: one }).result()
  return { set, records: () => host().records(records, key) }
}

async function polling(options: Partial<BeamClawOptions> = {}) {
  const { part, host } = votePart()
  const set = await stage(new FunctionModel(() => ({ text: 'fine' })), {}, { parts: [part], ...options })
  await set.claw.session(key).send('hello', { idempotencyKey: one }).result()
  return { set, host, records: () => host().records(votes, key) }
}

describe('records of a package', () => {
  test('are durable with the conversation, and add up to its state: after a crash and after a snapshot too', async () => {
    const { set, records } = await polling()
    expect(await records().state()).toEqual({})
    expect(await records().append(one, 'vote', 'tea')).toEqual({ tea: 1 })
    await records().append(one, 'vote', 'tea')
    await set.restart()
    expect(await records().state()).toEqual({ tea: 2 })
    for (let index = 0; index < 60; index++) await set.claw.session(key).send('more').result()
    await records().append(one, 'vote', 'coffee')
    await set.restart()
    expect(await records().state()).toEqual({ tea: 2, coffee: 1 })
    await set.claw.stop()
  })

  test('are told in their place among the events of the session', async () => {
    const { set, records } = await polling()
    await records().append(one, 'vote', 'tea')
    const seen: object[] = []
    for await (const event of set.claw.session(key).subscribe()) {
      if (event.type === 'record') seen.push(event)
      if (seen.length > 0) break
    }
    expect(seen).toMatchObject([{ extension: 'votes', name: 'vote', data: 'tea', runId: one, sessionKey: key }])
    await set.claw.stop()
  })

  test.each<[string, JsonValue, string]>([
    ['nonsense', 'tea', 'invalid-message'],
    ['vote', 7, 'invalid-message'],
    ['vote', (() => {}) as unknown as JsonValue, 'invalid-message'],
    [5 as unknown as string, 'tea', 'invalid-message'],
    ['', 'tea', 'invalid-message'],
    ['x'.repeat(300), 'tea', 'invalid-message'],
  ])('that their fold refuses are refused, and change nothing: %s %j', async (name, data, code) => {
    const { set, records } = await polling()
    await expect(records().append(one, name, data)).rejects.toMatchObject({ code })
    expect(await records().state()).toEqual({})
    await set.restart()
    expect(await records().state()).toEqual({})
    await set.claw.stop()
  })

  test('belong to a run and a session that are there, and to an extension that a part has registered', async () => {
    const { set, host, records } = await polling()
    await expect(records().append('other' as RunId, 'vote', 'tea')).rejects.toMatchObject({ code: 'unknown-run' })
    await expect(host().records(votes, 'agent:main:nobody').state()).rejects.toMatchObject({ code: 'unknown-session' })
    await expect(
      host()
        .records({ ...votes, id: 'else' }, key)
        .append(one, 'vote', 'tea'),
    ).rejects.toMatchObject({ code: 'invalid-option' })
    await set.claw.stop()
  })

  test('whose fold changes its state in place are refused, and no state is shared', async () => {
    const counts: RecordExtension<Record<string, number>> = {
      id: 'counts',
      initial: {},
      fold(state, { name }) {
        state[name] = (state[name] ?? 0) + 1
        return state
      },
    }
    let host: PartHost | undefined
    const part: Part = {
      id: 'counts',
      records: counts,
      start(given) {
        host = given
        return { start: () => new ResourceActor({}) }
      },
    }
    const { claw } = await stage(new FunctionModel(() => ({ text: 'fine' })), {}, { parts: [part] })
    await claw.session(key).send('hello', { idempotencyKey: one }).result()
    await expect(host?.records(counts, key).append(one, 'up')).rejects.toMatchObject({ code: 'invalid-message' })
    expect(counts.initial).toEqual({})
    await claw.stop()
  })

  test('have data, names and states up to a size', async () => {
    let size = 0
    const sizes: RecordExtension<string[]> = { id: 'sizes', initial: [], fold: () => ['x'.repeat(size)] }
    const { set, records } = await withExtension(sizes)
    const kib = 1_024
    expect(await records().append(one, 'n'.repeat(256), 'x'.repeat(kib * kib - 2))).toEqual([''])
    const tooLarge = { code: 'document-too-large' }
    await expect(records().append(one, 'n'.repeat(257), 'x')).rejects.toMatchObject({ code: 'invalid-message' })
    await expect(records().append(one, 'n', 'x'.repeat(kib * kib - 1))).rejects.toMatchObject(tooLarge)
    size = 16 * kib * kib - 4
    expect(((await records().append(one, 'n', 'x')) as string[])[0]?.length).toBe(size)
    size++
    await expect(records().append(one, 'n', 'x')).rejects.toMatchObject({ code: 'invalid-message', message: /takes 16777217 bytes/ })
    expect(((await records().state()) as string[])[0]?.length).toBe(16 * kib * kib - 4)
    await set.claw.stop()
  })

  test.each<[string, () => unknown, RegExp]>([
    ['a promise', () => Promise.resolve({}), /returned a promise/],
    ['a promise that rejects', () => Promise.reject(new Error('unhandled')), /returned a promise/],
    ['a map', () => new Map(), /an instance of a class is not JSON/],
    ['a map inside', () => ({ a: new Map() }), /an instance of a class is not JSON/],
    ['no number', () => Number.NaN, /NaN is not JSON/],
    ['nothing', () => undefined, /undefined is not JSON/],
    ['a function', () => () => {}, /is not JSON/],
  ])('whose fold returns %s are refused, and the session goes on', async (_, fold, problem) => {
    let isBad = false
    const { set, records } = await withExtension({
      id: 'odd',
      initial: 0,
      fold: (count) => (isBad ? fold() : (count as number) + 1) as never,
    })
    expect(await records().append(one, 'up')).toBe(1)
    isBad = true
    await expect(records().append(one, 'up')).rejects.toMatchObject({ code: 'invalid-message', message: expect.stringMatching(problem) })
    isBad = false
    expect(await records().append(one, 'up')).toBe(2)
    expect((await set.claw.session(key).send('and you?').result()).text).toBe('fine')
    await set.restart()
    expect(await records().state()).toBe(2)
    await set.claw.stop()
  })

  test('whose fold has come to return what is no state make the journal unreadable, and nothing else', async () => {
    let isBad = false
    const { set, records } = await withExtension({
      id: 'odd',
      initial: 0,
      fold: (count) => (isBad ? new Map() : (count as number) + 1) as never,
    })
    await records().append(one, 'up')
    isBad = true
    const claw = await set.restart()
    await expect(claw.session(key).history()).rejects.toMatchObject({ code: 'log-corrupt', message: expect.stringContaining('Record') })
    expect((await claw.session('agent:main:other').send('hello').result()).text).toBe('fine')
    claw.kill()
  })

  test.each<[string, unknown]>([
    ['a promise', Promise.resolve(0)],
    ['a map', new Map()],
    ['no number', Number.NaN],
    ['nothing', undefined],
  ])('need a first state that is JSON, and not %s', async (_, initial) => {
    const part: Part = {
      id: 'odd',
      records: { id: 'odd', initial: initial as never, fold: (state) => state },
      start: votePart().part.start,
    }
    await expect(stage(new FunctionModel(() => ({})), {}, { parts: [part] })).rejects.toMatchObject({
      code: 'invalid-option',
      message: expect.stringContaining('option "initial" must be JSON'),
    })
  })

  test('have an id that no other extension has', async () => {
    const parts = [votePart().part, { ...votePart().part, id: 'votes-again' }]
    await expect(stage(new FunctionModel(() => ({})), {}, { parts })).rejects.toMatchObject({
      code: 'invalid-option',
      message: 'Two record extensions are called "votes"',
    })
  })

  test('are left alone where the package is gone, and are there again when it is back', async () => {
    const { set, records } = await polling()
    await records().append(one, 'vote', 'tea')
    const { store } = set
    set.claw.kill()
    const without = await stage(new FunctionModel(() => ({ text: 'without' })), {}, { store })
    expect((await without.claw.session(key).send('are you there?').result()).text).toBe('without')
    without.claw.kill()
    const { part, host } = votePart()
    const back = await stage(new FunctionModel(() => ({ text: 'fine' })), {}, { store, parts: [part] })
    expect(await host().records(votes, key).state()).toEqual({ tea: 1 })
    await back.claw.stop()
  })
})
