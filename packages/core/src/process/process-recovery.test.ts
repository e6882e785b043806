import { flushEventLoop } from '@beamclaw/actor/testing'
import { describe, expect, test } from 'vitest'
import { MemoryStore } from '../defaults/memory-store.ts'
import { killPart } from '../testing/parts.ts'
import { key, tableStage } from './testing/table-stage.ts'

const code = (one: string) => expect.objectContaining({ code: one })

describe('after a crash', () => {
  test('what ran is ended and lost, with the end of its output, and the owner is told once', async () => {
    const staged = await tableStage()
    await staged.claw.session(key).send('hello').result()
    const { shown, process } = await staged.begin()
    process.children = 1
    process.print('half way')
    await staged.clock.advance(2_000)
    const waiting = staged.processes.poll(shown.id, { waitMs: 60_000, until: 'end' })
    const killed = expect(waiting).rejects.toEqual(code('actor-not-running'))
    await staged.restart()
    await killed
    expect([process.isRunning, process.children]).toEqual([false, 0])
    expect(staged.processes.get(shown.id)).toMatchObject({ status: 'lost', exit: undefined, outputBytes: 8 })
    expect(staged.processes.tail(shown.id).text).toBe('half way')
    expect(await staged.notices()).toEqual([expect.stringContaining(`${shown.id} was lost`)])
    await staged.restart()
    expect(await staged.notices()).toHaveLength(1)
    expect(await staged.processes.kill(shown.id)).toMatchObject({ status: 'lost' })
    await staged.claw.stop()
  })

  test('what was started just before is found by its mark, when nothing else was written', async () => {
    const store = new MemoryStore()
    const staged = await tableStage({}, { store })
    const put = store.put.bind(store)
    const written: unknown[] = []
    store.put = async (name, value, options) => {
      // The document comes first, and what follows the start is never written.
      if (name[1] !== 'processes') return put(name, value, options)
      return written.push(value) === 1 ? put(name, value, options) : new Promise(() => {})
    }
    void staged.begin().catch(() => {})
    await flushEventLoop()
    const [process] = staged.sandbox.started
    expect([process?.isRunning, written.length]).toEqual([true, 2])
    expect(written[0]).toMatchObject({ status: 'starting', mark: process?.mark })
    expect(process?.mark).toMatch(/^[0-9a-f]{24}$/)
    store.put = put
    await staged.restart()
    expect(process?.isRunning).toBe(false)
    expect(staged.processes.list()).toMatchObject([{ status: 'lost' }])
    await staged.claw.stop()
  })

  test('of the part alone it is the same', async () => {
    const staged = await tableStage()
    await staged.claw.session(key).send('hello').result()
    const { shown, process } = await staged.begin()
    killPart(staged.claw, 'processes')
    expect(() => staged.table.of()).toThrow(code('actor-not-running'))
    await flushEventLoop()
    await staged.clock.advance(1_000)
    expect(process.isRunning).toBe(false)
    expect(staged.processes.get(shown.id).status).toBe('lost')
    expect(await staged.notices()).toHaveLength(1)
    await staged.claw.stop()
  })

  test('of the part while it writes, nothing of it is written after what the next one writes', async () => {
    const store = new MemoryStore()
    const staged = await tableStage({}, { store })
    const { shown, process } = await staged.begin({ notify: false })
    const put = store.put.bind(store)
    const held = Promise.withResolvers<void>()
    let isFirst = true
    store.put = async (name, value, options) => {
      if (name[1] === 'processes' && isFirst) {
        isFirst = false
        await held.promise
      }
      return put(name, value, options)
    }
    process.print('output')
    await staged.clock.advance(2_000)
    process.exit(0)
    killPart(staged.claw, 'processes')
    await staged.clock.advance(1_000)
    held.resolve()
    await flushEventLoop()
    expect((await store.get(['default', 'processes', shown.id] as never))?.value).not.toMatchObject({ status: 'exited' })
    await staged.claw.stop()
  })

  test('a call that waited is interrupted itself: its process is ended, and not told', async () => {
    const staged = await tableStage()
    await staged.claw.session(key).send('hello').result()
    const { process } = await staged.begin({ isBackground: false })
    await staged.restart()
    expect(process.isRunning).toBe(false)
    expect(await staged.notices()).toEqual([])
    await staged.claw.stop()
  })

  test('a detached process goes on, and is found again', async () => {
    const staged = await tableStage()
    await staged.claw.session(key).send('hello').result()
    const { shown, process } = await staged.begin({ isDetached: true })
    process.print('before ')
    await staged.clock.advance(2_000)
    await staged.restart()
    expect(staged.processes.get(shown.id)).toMatchObject({ status: 'running', isDetached: true })
    process.print('after')
    expect(staged.processes.tail(shown.id).text).toMatch(/^before \n\[BeamClaw was started again.*\]\nafter$/s)
    process.exit(0)
    expect(await staged.notices()).toEqual([expect.stringContaining('has ended with code 0')])
    await staged.claw.stop()
  })

  test('a detached process that is over is lost', async () => {
    const staged = await tableStage()
    const { shown, process } = await staged.begin({ isDetached: true })
    staged.claw.kill()
    process.exit(0)
    await staged.restart()
    expect(staged.processes.get(shown.id).status).toBe('lost')
    await staged.claw.stop()
  })

  test('an end that was not told yet is told now', async () => {
    const staged = await tableStage()
    await staged.claw.session(key).send('hello').result()
    const { shown, process } = await staged.begin()
    const document = ['default', 'processes', shown.id] as never
    process.exit(0)
    staged.claw.kill()
    await flushEventLoop()
    // As after a crash between the end and the message.
    const stored = (await staged.store.get(document))?.value as object
    await staged.store.put(document, {
      ...stored,
      status: 'exited',
      endedAt: 0,
      exit: { code: 0, signal: null, survivors: 0 },
      notice: 'due',
    } as never)
    await staged.restart()
    expect(await staged.notices()).toHaveLength(1)
    await staged.restart()
    expect(await staged.notices()).toHaveLength(1)
    await staged.claw.stop()
  })

  test('a sandbox that does not settle delays the start by a bounded time', async () => {
    const staged = await tableStage({ killAfterMs: 1_000 })
    const { shown } = await staged.begin()
    staged.sandbox.before = (method) => (method === 'reap' ? new Promise(() => {}) : undefined)
    const restarted = staged.restart()
    await staged.clock.advance(2_000)
    await restarted
    expect(staged.processes.get(shown.id).status).toBe('lost')
    await staged.claw.stop()
  })

  test('documents of other nodes and of other versions are left alone', async () => {
    const store = new MemoryStore()
    const staged = await tableStage({}, { store })
    const { shown } = await staged.begin()
    const document = ['default', 'processes', shown.id] as never
    staged.claw.kill()
    const stored = (await store.get(document))?.value as object
    await store.put(document, { ...stored, node: 'other' } as never)
    await store.put(['default', 'processes', 'odd-one'] as never, 'text')
    await staged.restart()
    expect(staged.processes.list()).toEqual([])
    expect((await store.get(document))?.value).toMatchObject({ node: 'other', status: 'running' })
    await staged.claw.stop()
  })
})

describe('a stop', () => {
  /** A store that can be used by the next BeamClaw too. */
  function lastingStore(): MemoryStore {
    const store = new MemoryStore()
    store.stop = async () => {}
    return store
  }

  test('ends what runs, and the owner hears of it at the next start, once', async () => {
    const staged = await tableStage({}, { store: lastingStore() })
    await staged.claw.session(key).send('hello').result()
    const polite = await staged.begin()
    const stubborn = await staged.begin()
    stubborn.process.ignores.add('SIGTERM')
    const stopped = staged.claw.stop()
    await staged.clock.advance(6_000)
    await stopped
    expect(staged.sandbox.running).toEqual([])
    expect(stubborn.process.signals).toContain('SIGKILL')
    expect(staged.clock.pendingTimers).toBe(0)
    await staged.restart()
    expect(staged.processes.get(polite.shown.id).status).toBe('stopped')
    const told = await staged.notices()
    expect(told).toHaveLength(2)
    for (const text of told) expect(text).toContain('because BeamClaw stopped')
    await staged.restart()
    expect(await staged.notices()).toHaveLength(2)
    await staged.claw.stop()
  })

  test('leaves a detached process alone', async () => {
    const staged = await tableStage({}, { store: lastingStore() })
    const { shown, process } = await staged.begin({ isDetached: true })
    await staged.claw.stop()
    expect(process.isRunning).toBe(true)
    await staged.restart()
    expect(staged.processes.get(shown.id).status).toBe('running')
    await staged.claw.stop()
  })
})
