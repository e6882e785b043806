import { describe, expect, test, vi } from 'vitest'
import { FunctionModel, type Stage, stage } from '../testing/model.ts'
import type { ListSessionsOptions } from './session-list.ts'

/** Sessions `a` to `e`, at work in this order, a second after each other. */
async function five(): Promise<Stage> {
  const set = await stage(new FunctionModel(({ messages }) => ({ text: `re: ${String(messages.at(-1)?.content)}` })))
  for (const [index, name] of ['c', 'a', 'e', 'b', 'd'].entries()) {
    const session = set.claw.session(`agent:main:${name}`)
    await session.send(`hello ${name}`).result()
    await session.configure({ owner: index % 2 === 0 ? 'ada' : 'bob', label: name === 'e' ? 'vowel' : 'letter' })
    await set.clock.advance(1_000)
  }
  return set
}

async function names({ claw }: Stage, options: ListSessionsOptions): Promise<string> {
  return (await claw.sessions(options)).map(({ sessionKey }) => sessionKey.slice(-1)).join('')
}

/** The whole list, page by page. */
async function paged({ claw }: Stage, options: ListSessionsOptions): Promise<string> {
  const found: string[] = []
  let after: string | undefined
  for (;;) {
    const page = await claw.sessions({ ...options, ...(after === undefined ? {} : { after }) })
    found.push(...page.map(({ sessionKey }) => sessionKey.slice(-1)))
    after = page.at(-1)?.cursor
    if (found.length > 50) throw new Error('the list never ends')
    if (after === undefined) return found.join('')
  }
}

describe('lists of sessions', () => {
  test('are by key or by last activity, and the same in pages of any size', async () => {
    const set = await five()
    for (const limit of [1, 2, 3, 5, 9]) {
      expect(await paged(set, { limit })).toBe('abcde')
      expect(await paged(set, { limit, sort: 'updatedAt' })).toBe('dbeac')
      expect(await paged(set, { limit, owner: 'ada' })).toBe('cde')
      expect(await paged(set, { limit, owner: 'ada', sort: 'updatedAt' })).toBe('dec')
    }
    expect(await names(set, { limit: 0 })).toBe('')
  })

  test('by last activity have sessions of the same moment in the order of their keys, over pages too', async () => {
    const set = await stage(new FunctionModel(() => ({ text: 'fine' })))
    for (const name of ['c', 'a', 'e', 'b', 'd']) await set.claw.session(`agent:main:${name}`).send('hello').result()
    for (const limit of [1, 2, 3, 9]) expect(await paged(set, { limit, sort: 'updatedAt' })).toBe('abcde')
  })

  test('are by when they began, the newest first, and the same in pages of any size', async () => {
    const set = await stage(new FunctionModel(() => ({ text: 'hi' })))
    for (const name of ['b', 'c', 'a']) {
      await set.claw.session(`agent:main:${name}`).send('hi').result()
      await set.clock.advance(10_000)
    }
    // One that began first is at work again.
    await set.claw.session('agent:main:b').send('again').result()
    await set.clock.advance(10_000)
    for (const limit of [1, 2, 5]) {
      expect(await paged(set, { limit, sort: 'createdAt' })).toBe('acb')
      expect(await paged(set, { limit, sort: 'updatedAt' })).toBe('bac')
    }
    set.claw.kill()
  })

  test('are of one prefix, owner or label, and of all that is asked for', async () => {
    const set = await five()
    expect(await names(set, { prefix: 'agent:main:B' })).toBe('b')
    expect(await names(set, { prefix: 'agent:other' })).toBe('')
    expect(await names(set, { prefix: 'Agent' })).toBe('abcde')
    for (const prefix of ['b', 'main:b', 'agents:', 'session'])
      await expect(set.claw.sessions({ prefix })).rejects.toMatchObject({
        code: 'invalid-option',
        message: expect.stringMatching(/"prefix" must be the beginning of a whole key, such as "agent:main:user-7:", received a string/),
      })
    expect(await names(set, { owner: 'bob' })).toBe('ab')
    expect(await names(set, { label: 'vowel' })).toBe('e')
    expect(await names(set, { label: 'vowel', owner: 'bob' })).toBe('')
  })

  test('tell when a session began, when it was last at work, and how its last message begins', async () => {
    const set = await five()
    const [before] = await set.claw.sessions({ prefix: 'agent:main:c' })
    expect(before).toMatchObject({ preview: 're: hello c', createdAt: expect.any(Number), updatedAt: expect.any(Number) })
    await set.clock.advance(10_000)
    for (const next of [() => set.claw, () => set.restart()]) {
      const claw = await next()
      const [{ cursor: _, ...after } = { cursor: '' }] = await claw.sessions({ prefix: 'agent:main:c' })
      expect(after).toMatchObject({ preview: 're: hello c', createdAt: before?.createdAt })
    }
  })

  test('show what was said before a crash once the interrupted are awake, whether or not there was time to write it down', async () => {
    const set = await five()
    const claw = await set.restart()
    await claw.resumed
    expect((await claw.sessions()).map(({ preview }) => preview)).toEqual(['a', 'b', 'c', 'd', 'e'].map((name) => `re: hello ${name}`))
  })

  test('cost one write for a conversation, and not one for each message', async () => {
    const set = await stage(new FunctionModel(() => ({ text: 'fine' })))
    const put = vi.spyOn(set.store.index, 'put')
    for (let round = 0; round < 5; round++) await set.claw.session('agent:main:a').send('hello').result()
    expect(put).not.toHaveBeenCalled()
    await set.clock.advance(10_000)
    expect(put).toHaveBeenCalledTimes(1)
  })

  test.each<[string, ListSessionsOptions]>([
    ['an unknown order', { sort: 'size' as never }],
    ['a cursor of another order', { sort: 'updatedAt', after: 'agent:main:a' }],
    ['a limit that is none', { limit: -1 }],
    ['an owner that is none', { owner: 7 as never }],
  ])('refuse %s', async (_, options) => {
    const set = await five()
    await expect(set.claw.sessions(options)).rejects.toMatchObject({ code: 'invalid-option' })
  })
})

describe('metadata of the host', () => {
  test('is kept with title and owner, and is taken back with null', async () => {
    const set = await five()
    const session = set.claw.session('agent:main:a')
    const data: Record<string, unknown> = { plan: 'free', seats: [1, 2] }
    await session.configure({ title: 'Letters', data: data as never })
    data.plan = 'changed afterwards'
    const [summary] = await (await set.restart()).sessions()
    expect(summary?.settings).toMatchObject({ title: 'Letters', data: { plan: 'free', seats: [1, 2] } })
    expect(await set.claw.session('agent:main:a').configure({ data: null, title: null })).toEqual({ owner: 'bob', label: 'letter' })
  })

  test.each<[string, unknown]>([
    ['text', 'x'],
    ['a list', []],
    ['what is no JSON', { a: 1n }],
    ['more than 16 KiB', { a: 'x'.repeat(16 * 1024) }],
  ])('is not %s', async (_, data) => {
    const set = await five()
    await expect(set.claw.session('agent:main:a').configure({ data: data as never })).rejects.toMatchObject({ code: 'invalid-option' })
  })
})
