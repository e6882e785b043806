import { appendFileSync, copyFileSync, cpSync, existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { defaultTenant } from '@beamclaw/core'
import { FsStore } from '@beamclaw/store-fs'
import { describe, expect, test } from 'vitest'
import { atRest, busy, flip, indexOf, interrupted, over, resumed } from '../testing/data-directory.ts'
import { repairs } from '../testing/repairs.ts'
import { jsonLines } from '../testing/run-cli.ts'

const { folder, data, file, journal, settings, repairing, repaired } = repairs()

describe('a repair', () => {
  test('of a directory in order finds nothing, and changes no journal', async () => {
    await atRest(data())
    const before = [readFileSync(journal('one')), readFileSync(journal('two'))]
    const { code, summary, lines } = await repaired()
    expect(code).toBe(0)
    expect(lines).toHaveLength(1)
    expect(summary).toMatchObject({
      type: 'summary',
      tenants: [{ tenant: 'default', sessions: 2, withWork: 0, damaged: 0, unnamedAttachments: 0 }],
      setAside: { documents: 0, attachments: 0 },
      isUsable: true,
    })
    expect([readFileSync(journal('one')), readFileSync(journal('two'))]).toEqual(before)
    expect(await indexOf(data())).toMatchObject({ isComplete: true, keys: ['agent:main:one', 'agent:main:two'] })
    expect((await resumed(data())).count).toBe(0)
  })

  test('tells people and programs how far it is', async () => {
    await atRest(data())
    const { errors } = await repaired()
    const progress = jsonLines({ code: 0, errors: '', output: errors })
    expect(progress.at(-1)).toMatchObject({
      type: 'progress',
      step: 'sessions',
      tenant: 'default',
      done: 2,
      total: 2,
      perSecond: expect.any(Number),
    })
    const people = await repairing()
    expect(people).toMatchObject({ code: 0, errors: '' })
    expect(people.output).toBe(
      'default: 2 sessions, 0 with work, 0 damaged\nset aside: 0 documents, 0 attachments\neverything is usable now\n',
    )
  })

  test.each(['flipped at its beginning', 'flipped in its middle', 'missing', 'a text'])('makes the index anew: %s', async (how) => {
    await atRest(data())
    const index = join(data(), 'index.sqlite')
    if (how === 'missing') rmSync(index)
    else if (how === 'a text') writeFileSync(index, 'what somebody wrote')
    else flip(index, how.includes('middle') ? statSync(index).size >> 1 : 3)
    expect((await repaired()).code).toBe(0)
    const { isComplete, keys, entries } = await indexOf(data())
    expect({ isComplete, keys }).toEqual({ isComplete: true, keys: ['agent:main:one', 'agent:main:two'] })
    expect(entries[0]).toMatchObject({ settings: { label: 'mine' }, preview: 'after all' })
  })

  test('forgets a tenant of which only the index knows', async () => {
    await atRest(data())
    const store = new FsStore({ path: data() })
    await store.index.put('gone' as typeof defaultTenant, [{ sessionKey: 'agent:main:x' as never, settings: {} }])
    await store.index.complete('gone' as typeof defaultTenant)
    await store.stop()
    await repaired()
    const again = new FsStore({ path: data() })
    expect((await again.index.status('gone' as typeof defaultTenant)).isComplete).toBe(false)
    await again.stop()
  })

  test.each(['flipped', 'missing', 'a text'])(
    'makes the list of busy sessions anew, and the next start goes on with them: %s',
    async (how) => {
      await interrupted(data())
      const list = file('activity.log.jsonl')
      if (how === 'missing') rmSync(list)
      else if (how === 'flipped') flip(list, 20)
      else writeFileSync(list, 'what somebody wrote\n')
      const { code, summary } = await repaired()
      expect(code).toBe(0)
      expect(summary).toMatchObject({ tenants: [{ sessions: 1, withWork: 1 }] })
      // The start reads no journal: the list says it.
      expect(await indexOf(data())).toMatchObject({ isComplete: true })
      expect(await resumed(data())).toEqual({ count: 1, text: 'after all', sessions: [busy] })
    },
  )

  test('lists a session that was copied in from another directory, and the next start goes on with its run', async () => {
    await interrupted(join(folder(), 'from'))
    await atRest(data())
    copyFileSync(join(folder(), 'from/default/sessions/main/busy.log.jsonl'), journal('busy'))
    const { code, summary } = await repaired()
    expect(code).toBe(0)
    expect(summary).toMatchObject({ tenants: [{ sessions: 3, withWork: 1 }] })
    expect(await resumed(data())).toEqual({
      count: 1,
      text: 'after all',
      sessions: ['agent:main:busy', 'agent:main:one', 'agent:main:two'],
    })
  })

  test('ends a deletion that was interrupted, at the next start', async () => {
    await atRest(data())
    const store = new FsStore({ path: data() })
    const key = [defaultTenant, 'sessions', 'main', 'one', 'metadata'] as const
    await store.put(key, { label: 'mine', deleting: true })
    await store.delete([defaultTenant, 'sessions', 'main', 'one'])
    await store.stop()
    expect((await repaired()).summary).toMatchObject({ tenants: [{ sessions: 1 }] })
    const { claw, store: next } = await over(data())
    while ((await next.get(key)) !== undefined) await new Promise((resolve) => setImmediate(resolve))
    await claw.stop()
    await next.stop()
  })

  test('sets damaged settings aside, so that the session works with none, and overwrites nothing when it does so again', async () => {
    await atRest(data())
    const healthy = readFileSync(settings())
    for (const count of [1, 2]) {
      writeFileSync(settings(), healthy)
      flip(settings(), 12)
      const damagedBytes = readFileSync(settings())
      const { code, of, summary } = await repaired()
      expect(code).toBe(0)
      const [found] = of('set-aside')
      expect(found).toMatchObject({
        kind: 'document',
        key: ['default', 'sessions', 'main', 'one', 'metadata'],
        tenant: 'default',
        sessionKey: 'agent:main:one',
        file: 'default/sessions/main/one/metadata.json',
        setAside: expect.stringMatching(/^default\/sessions\/main\/one\/metadata\.json\.damaged-\d{8}T\d{9}Z$/),
      })
      expect(readFileSync(join(data(), String(found?.setAside)))).toEqual(damagedBytes)
      expect(summary).toMatchObject({ setAside: { documents: 1 }, isUsable: true })
      expect(existsSync(settings())).toBe(false)
      expect(readdirSync(dirname(settings()))).toHaveLength(count)
      expect((await indexOf(data())).entries[0]).toMatchObject({ settings: {} })
    }
    const { claw, store } = await over(data())
    expect((await claw.session('agent:main:one').send('again').result()).text).toBe('after all')
    await claw.stop()
    await store.stop()
  })

  test('sets a damaged attachment aside, and counts those that no message names', async () => {
    await atRest(data())
    const blobs = file('sessions', 'main', 'two.blobs')
    const [id = ''] = readdirSync(blobs)
    flip(join(blobs, id), 100)
    const store = new FsStore({ path: data() })
    await store.blobs.put([defaultTenant, 'sessions', 'main', 'two'], new Uint8Array(5_000))
    await store.stop()
    const { code, of, summary } = await repaired()
    expect(code).toBe(0)
    expect(of('set-aside')).toMatchObject([{ kind: 'blob', id, sessionKey: 'agent:main:two' }])
    expect(summary).toMatchObject({ tenants: [{ unnamedAttachments: 1 }], setAside: { documents: 0, attachments: 1 } })
    expect(readdirSync(blobs)).toHaveLength(2)
    expect(readdirSync(blobs)).not.toContain(id)
    const people = await repairing()
    expect(people.output).toContain('1 attachment that no message names; they stay, and go with their sessions')
  })

  test.each(['in its middle', 'at its end'])('names a damaged line of a journal, and leaves the journal as it is: %s', async (where) => {
    await atRest(data())
    const text = readFileSync(journal('one'), 'utf8')
    const lines = text.split('\n').length - 1
    flip(journal('one'), where === 'at its end' ? -20 : text.indexOf('second'))
    const line = where === 'at its end' ? lines : text.slice(0, text.indexOf('second')).split('\n').length
    const before = readFileSync(journal('one'))
    const { code, of, summary } = await repaired()
    expect(code).toBe(1)
    expect(of('damage')).toMatchObject([
      { tenant: 'default', sessionKey: 'agent:main:one', lines: [{ kind: 'damaged', file: 'default/sessions/main/one.log.jsonl', line }] },
    ])
    expect(summary).toMatchObject({ tenants: [{ sessions: 2, damaged: 1 }], isUsable: false })
    expect(readFileSync(journal('one'))).toEqual(before)
    expect(await indexOf(data())).toMatchObject({ isComplete: true, keys: ['agent:main:one', 'agent:main:two'] })
    const people = await repairing()
    expect(people.code).toBe(1)
    expect(people.output).toContain(`journal of agent:main:one: default/sessions/main/one.log.jsonl line ${line}\n`)
    expect(people.output).toContain('restore that file from a backup; beamclaw journal agent:main:one prints what can be read')
  })

  test('lists a damaged session as busy: once its file is restored, the next start goes on with its run', async () => {
    await interrupted(data())
    const healthy = readFileSync(journal('busy'))
    flip(journal('busy'), 150)
    expect((await repaired()).code).toBe(1)
    writeFileSync(journal('busy'), healthy)
    expect(await resumed(data())).toMatchObject({ count: 1, text: 'after all' })
  })
})

describe('a write-ahead log of a process that was killed', () => {
  /** The directory as it was while a process had it open. */
  async function killed(): Promise<string> {
    const from = join(folder(), 'from')
    const { claw, store } = await over(from)
    for (const text of ['first', 'second', 'third']) await claw.session('agent:main:one').send(text).result()
    cpSync(from, data(), { recursive: true })
    rmSync(join(data(), '.lock'), { force: true })
    await claw.stop()
    await store.stop()
    return join(
      data(),
      'wal',
      readdirSync(join(data(), 'wal'))
        .filter((name) => name.endsWith('.jsonl'))
        .at(-1) ?? '',
    )
  }

  test('with a torn end is cut, as a start does', async () => {
    const segment = await killed()
    appendFileSync(segment, '{"s":99,"k":["def')
    const { code, summary } = await repaired()
    expect(code).toBe(0)
    expect(summary).toMatchObject({ tenants: [{ sessions: 1, damaged: 0 }] })
    const { claw, store } = await over(data())
    expect((await claw.session('agent:main:one').history()).total).toBe(6)
    await claw.stop()
    await store.stop()
  })

  test('with a damaged line in its middle: the session is named, with the place', async () => {
    const segment = await killed()
    flip(segment, readFileSync(segment, 'utf8').indexOf('second'))
    const { code, of, summary } = await repaired()
    expect(code).toBe(1)
    expect(of('damage')).toMatchObject([{ sessionKey: 'agent:main:one', lines: [{ kind: 'damaged' }] }])
    expect(summary).toMatchObject({ tenants: [{ damaged: 1 }], isUsable: false })
  })

  test('missing: the sessions at rest are there', async () => {
    await atRest(data())
    rmSync(join(data(), 'wal'), { recursive: true })
    expect((await repaired()).summary).toMatchObject({ tenants: [{ sessions: 2, damaged: 0 }], isUsable: true })
  })
})
