import { silentLogger } from '@beamclaw/actor'
import { flushEventLoop, ManualClock } from '@beamclaw/actor/testing'
import { describe, expect, test } from 'vitest'
import { BeamClawError } from '../base/errors.ts'
import { MemoryStore } from '../defaults/memory-store.ts'
import { FunctionModel } from '../testing/model.ts'
import { ScriptedSandbox } from '../testing/scripted-sandbox.ts'
import { ProcessTable } from './process-table.ts'
import { key, ownerOf, tableStage } from './testing/table-stage.ts'

const code = (one: string) => expect.objectContaining({ code: one })

describe('a process of the table', () => {
  test('has a name, runs, is read by byte numbers, and ends', async () => {
    const { processes, begin, claw } = await tableStage()
    const { shown, process } = await begin({ label: 'sleep nine' })
    expect(shown).toMatchObject({ command: 'sleep nine', status: 'running', isBackground: true, exit: undefined, sandbox: 'scripted' })
    expect(shown.id).toMatch(/^[a-z]+-[a-z]+$/)
    process.print('one ')
    process.print('two', 'stderr')
    expect(processes.read(shown.id)).toMatchObject({ text: 'one two', next: 7, total: 7, missed: 0, isEnd: false })
    expect(processes.read(shown.id, { from: 4 })).toMatchObject({ text: 'two' })
    expect(processes.tail(shown.id)).toMatchObject({ text: 'one two' })
    process.exit(3)
    expect(processes.get(shown.id)).toMatchObject({ status: 'exited', exit: { code: 3, signal: undefined, survivors: 0 }, outputBytes: 7 })
    expect(processes.list({ isRunning: true })).toEqual([])
    expect(processes.list({ sessionKey: key, isRunning: false })).toHaveLength(1)
    expect(processes.list({ sessionKey: 'agent:main:other' })).toEqual([])
    await claw.stop()
  })

  test('is waited for: until there is output, until it ends, for a time, or until the caller gives up', async () => {
    const { processes, begin, claw, clock } = await tableStage()
    const { shown, process } = await begin()
    const output = processes.poll(shown.id, { waitMs: 1_000 })
    process.print('now')
    expect(await output).toMatchObject({ text: 'now', isEnd: false })
    const later = processes.poll(shown.id, { waitMs: 1_000, from: 3 })
    await clock.advance(1_000)
    expect(await later).toMatchObject({ text: '', next: 3 })
    const aborting = new AbortController()
    const aborted = processes.poll(shown.id, { waitMs: 1_000, from: 3, signal: aborting.signal })
    aborting.abort()
    await expect(aborted).rejects.toEqual(code('call-aborted'))
    const end = processes.poll(shown.id, { waitMs: 1_000, until: 'end' })
    process.print(' more')
    process.exit()
    expect(await end).toMatchObject({ text: 'now more', isEnd: true })
    expect(await processes.poll(shown.id, { waitMs: 1_000, from: 8 })).toMatchObject({ text: '', isEnd: true })
    await claw.stop()
  })

  test('gets input and keys, and refuses them once it has ended', async () => {
    const { processes, claw, sandbox } = await tableStage()
    const command = await sandbox.prepare({ argv: ['vi'], workspace: '/work', terminal: { columns: 80, rows: 24 } })
    const { id, hasTerminal } = await processes.start(command, ownerOf())
    const [process] = sandbox.started
    expect(hasTerminal).toBe(true)
    await processes.write(id, 'text')
    await processes.keys(id, ['Escape', ':', 'q', 'Enter'])
    processes.resize(id, { columns: 100, rows: 30 })
    await processes.endInput(id)
    expect(process).toMatchObject({ input: 'text\x1b:q\r', isInputEnded: true, size: { columns: 100, rows: 30 } })
    process?.exit()
    await expect(processes.write(id, 'late')).rejects.toEqual(code('command-ended'))
    await expect(processes.keys(id, ['Enter'])).rejects.toEqual(code('command-ended'))
    await processes.endInput(id)
    await claw.stop()
  })

  test('is killed by its timeout', async () => {
    const { processes, begin, claw, clock, notices } = await tableStage()
    const { shown } = await begin({ timeoutMs: 5_000 })
    await claw.session(key).send('hello').result()
    await clock.advance(4_999)
    expect(processes.get(shown.id).status).toBe('running')
    await clock.advance(1)
    expect(processes.get(shown.id)).toMatchObject({ status: 'killed', isTimedOut: true, exit: { signal: 'SIGTERM' } })
    expect(await notices()).toEqual([expect.stringContaining('was ended by its timeout')])
    await claw.stop()
  })
})

describe('a kill', () => {
  test('asks first, and forces what does not listen', async () => {
    const { processes, begin, claw, clock } = await tableStage({ killAfterMs: 3_000 })
    const polite = await begin()
    expect(await processes.kill(polite.shown.id)).toMatchObject({ status: 'killed', exit: { signal: 'SIGTERM', survivors: 0 } })
    expect(polite.process.signals).not.toContain('SIGKILL')
    const stubborn = await begin()
    stubborn.process.ignores.add('SIGTERM')
    const [first, second] = [processes.kill(stubborn.shown.id), processes.kill(stubborn.shown.id)]
    await clock.advance(2_999)
    expect(stubborn.process.signals.filter((signal) => signal === 'SIGTERM')).toHaveLength(1)
    expect(stubborn.process.isRunning).toBe(true)
    await clock.advance(100)
    expect(await first).toMatchObject({ status: 'killed', exit: { signal: 'SIGKILL', survivors: 0 } })
    expect(await second).toEqual(await first)
    expect(stubborn.process.signals.slice(0, 2)).toEqual(['SIGTERM', 'SIGCONT'])
    await claw.stop()
    expect(clock.pendingTimers).toBe(0)
  })

  test('ends the children that are left after the process itself', async () => {
    const { processes, begin, claw, clock } = await tableStage()
    const { shown, process } = await begin()
    process.children = 2
    const killed = processes.kill(shown.id)
    await clock.advance(5_100)
    expect(await killed).toMatchObject({ exit: { signal: 'SIGTERM', survivors: 0 } })
    expect(process.children).toBe(0)
    await claw.stop()
  })

  test('says what it could not end, within a bounded time', async () => {
    const { processes, begin, claw, clock } = await tableStage({ killAfterMs: 1_000 })
    const { shown, process } = await begin()
    for (const signal of ['SIGTERM', 'SIGKILL'] as const) process.ignores.add(signal)
    const killed = processes.kill(shown.id)
    await clock.advance(2_000)
    expect(await killed).toMatchObject({ status: 'killed', exit: { survivors: 1 } })
    await claw.stop()
  })

  test('is bounded as well when the sandbox does not settle', async () => {
    const { processes, begin, claw, clock } = await tableStage({ killAfterMs: 1_000 })
    const hanging = await begin()
    hanging.process.signal = () => new Promise(() => {})
    const failing = await begin()
    failing.process.signal = () => Promise.reject(new Error('no connection'))
    const killed = [processes.kill(hanging.shown.id), processes.kill(failing.shown.id)]
    await clock.advance(10_000)
    for (const one of await Promise.all(killed)) expect(one).toMatchObject({ status: 'killed', exit: { survivors: 1 } })
    await claw.stop()
  })

  test('is told to its caller, and not to the session', async () => {
    const { processes, begin, claw, notices } = await tableStage()
    await claw.session(key).send('hello').result()
    const { shown } = await begin()
    await processes.kill(shown.id)
    expect(await notices()).toEqual([])
    await claw.stop()
  })
})

describe('the end of a process', () => {
  test('wakes its session, with code, duration and output', async () => {
    const model = new FunctionModel(() => ({ text: 'noted' }))
    const { begin, claw, clock, notices } = await tableStage({}, {}, model)
    await claw.session(key).send('hello').result()
    const { shown, process } = await begin()
    process.print('all 12 passed\n')
    await clock.advance(2_500)
    process.exit(0)
    expect(await notices()).toEqual([
      `The background process ${shown.id} has ended with code 0 after 2.5 s.\nCommand: sleep 9\nThe end of its output (14 bytes in all):\nall 12 passed\n`,
    ])
    expect(model.requests).toHaveLength(2)
    await claw.stop()
  })

  test('is not told while a call waits for it, nor when that is not wanted', async () => {
    const { processes, begin, claw, notices } = await tableStage()
    await claw.session(key).send('hello').result()
    const awaited = await begin({ isBackground: false })
    awaited.process.exit(0)
    expect(await processes.sendToBackground(awaited.shown.id)).toMatchObject({ status: 'exited', isBackground: false })
    const silent = await begin({ notify: false })
    silent.process.exit(0)
    expect(await notices()).toEqual([])
    const yielded = await begin({ isBackground: false })
    expect(await processes.sendToBackground(yielded.shown.id)).toMatchObject({ status: 'running', isBackground: true })
    yielded.process.exit(1)
    expect(await notices()).toEqual([expect.stringContaining(yielded.shown.id)])
    await claw.stop()
  })

  test('is told to a busy session after what it does, several at once', async () => {
    const held = Promise.withResolvers<void>()
    const model = new FunctionModel(async (_, index) => {
      if (index === 0) await held.promise
      return { text: 'noted' }
    })
    const { begin, claw, notices } = await tableStage({}, {}, model)
    const run = claw.session(key).send('hello')
    await run.accepted
    const [first, second] = [await begin(), await begin()]
    first.process.exit(0)
    second.process.exit(1)
    await flushEventLoop()
    held.resolve()
    await run.result()
    const told = (await notices()).join()
    for (const { shown } of [first, second]) expect(told.split(`process ${shown.id} `)).toHaveLength(2)
    expect(model.requests.length).toBeLessThanOrEqual(3)
    await claw.stop()
  })

  test('belongs to its tenant', async () => {
    const { begin, claw, table } = await tableStage({}, { tenants: ['default', 'acme'] })
    const { shown } = await begin()
    expect(table.of('acme').list()).toEqual([])
    expect(() => table.of('acme').get(shown.id)).toThrow(code('unknown-process'))
    await claw.stop()
  })

  test('does not begin a session that was deleted, and ends nothing where the agent is gone', async () => {
    const { processes, begin, claw, store } = await tableStage()
    const never = await begin({}, 'agent:main:never')
    never.process.exit(0)
    const gone = await begin({}, 'agent:gone:a')
    gone.process.exit(0)
    await flushEventLoop()
    expect(await claw.session('agent:main:never').exists()).toBe(false)
    expect(processes.list()).toHaveLength(2)
    for (const name of await store.list(['default' as never, 'processes'])) {
      expect((await store.get(name))?.value).toMatchObject({ notice: 'done' })
    }
    await claw.stop()
  })

  test('is told again until the session takes it', async () => {
    const { begin, claw, clock, notices, table, processes } = await tableStage()
    await claw.session(key).send('hello').result()
    const { process } = await begin()
    const send = claw.session(key).constructor.prototype.send as () => unknown
    claw.session(key).constructor.prototype.send = () => {
      throw new BeamClawError('session-busy', 'busy')
    }
    process.exit(0)
    await flushEventLoop()
    claw.session(key).constructor.prototype.send = send
    expect(await notices()).toEqual([])
    await clock.advance(1_000)
    expect(await notices()).toHaveLength(1)
    expect(table.of()).toBe(processes)
    await claw.stop()
  })

  test('leaves no timer but the one that forgets it', async () => {
    const { begin, claw, clock } = await tableStage()
    const before = clock.pendingTimers
    const { process } = await begin({ notify: false, timeoutMs: 5_000 })
    process.print('output that is to be saved')
    expect(clock.pendingTimers).toBe(before + 2)
    process.exit(0)
    await flushEventLoop()
    expect(clock.pendingTimers).toBe(before + 1)
    await claw.stop()
  })

  test('is forgotten after its time, with its document', async () => {
    const { processes, begin, claw, clock, store } = await tableStage({ keepFinishedMs: 60_000 })
    const { shown, process } = await begin({ notify: false })
    process.exit(0)
    await clock.advance(59_999)
    expect(processes.get(shown.id).status).toBe('exited')
    await clock.advance(1)
    expect(() => processes.get(shown.id)).toThrow(code('unknown-process'))
    await flushEventLoop()
    expect(await store.list(['default' as never, 'processes'])).toEqual([])
    await claw.stop()
  })
})

describe('limits and input', () => {
  test('a session and a tenant have so many processes at a time', async () => {
    const { processes, begin, claw } = await tableStage({ maxPerSession: 2, maxPerTenant: 3 })
    const first = await begin()
    await begin()
    await expect(begin()).rejects.toMatchObject({ code: 'too-many-processes', details: { count: 2, maxPerSession: 2 } })
    await begin({}, 'agent:main:b')
    await expect(begin({}, 'agent:main:c')).rejects.toMatchObject({ code: 'too-many-processes', details: { count: 3, maxPerTenant: 3 } })
    first.process.exit(0)
    await begin()
    expect(processes.list({ isRunning: true })).toHaveLength(3)
    await claw.stop()
  })

  test('calls at once do not pass the limit', async () => {
    const { begin, claw } = await tableStage({ maxPerSession: 5 })
    const outcomes = await Promise.allSettled(Array.from({ length: 20 }, () => begin()))
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(5)
    await claw.stop()
  })

  test('ended processes are kept in a bounded number', async () => {
    const { processes, begin, claw } = await tableStage({ maxPerSession: 3 })
    for (let index = 0; index < 10; index++) {
      const { process } = await begin({ notify: false })
      process.exit(0)
      await flushEventLoop()
    }
    expect(processes.list()).toHaveLength(3)
    await claw.stop()
  })

  test('wrong input is refused with its code, and starts nothing', async () => {
    const { processes, begin, claw, prepare, sandbox, table } = await tableStage()
    const { shown } = await begin()
    const { id } = shown
    const command = await prepare('ls')
    await expect(processes.start(command, { ...ownerOf(), sessionKey: 'a' as never })).rejects.toEqual(code('invalid-session-key'))
    await expect(processes.start(command, ownerOf(), { timeoutMs: 0 })).rejects.toEqual(code('invalid-option'))
    await expect(processes.start(command, ownerOf(), { wait: true } as never)).rejects.toEqual(code('invalid-option'))
    await expect(processes.start({ ...command, sandbox: 'other' }, ownerOf())).rejects.toEqual(code('sandbox-unavailable'))
    for (const call of [
      () => processes.read(id, { from: -1 }),
      () => processes.read(id, { maxBytes: 3 }),
      () => processes.tail(id, 0),
      () => processes.list({ status: 'running' } as never),
      () => processes.resize(id, { columns: 0, rows: 1 }),
    ])
      expect(call).toThrow(code('invalid-option'))
    for (const call of [
      () => processes.poll(id, { waitMs: -1 }),
      () => processes.poll(id, { until: 'never' } as never),
      () => processes.write(id, 5 as never),
      () => processes.write(id, 'x'.repeat(1024 * 1024 + 1)),
      () => processes.keys(id, 'Enter' as never),
      () => processes.keys(id, ['Enter']),
    ])
      await expect(call()).rejects.toEqual(code('invalid-option'))
    for (const call of [() => processes.get('no-one'), () => processes.tail('no-one'), () => processes.read('no-one')])
      expect(call).toThrow(code('unknown-process'))
    for (const call of [() => processes.kill('no-one'), () => processes.poll('no-one'), () => processes.write('no-one', 'x')])
      await expect(call()).rejects.toEqual(code('unknown-process'))
    expect(() => table.of('acme')).toThrow(code('actor-not-running'))
    expect(sandbox.started).toHaveLength(1)
    await claw.stop()
  })

  test.each([
    [{}],
    [{ sandboxes: [{}] }],
    [{ sandboxes: [new ScriptedSandbox(), new ScriptedSandbox()] }],
    [{ sandboxes: [], maxPerSession: 0 }],
    [{ sandboxes: [], ringByte: 5 }],
  ])('options are checked in the constructor: %#', (options) => {
    expect(() => new ProcessTable(options as never)).toThrow(code('invalid-option'))
  })

  test('a table belongs to one BeamClaw at a time', async () => {
    const { table, claw } = await tableStage()
    await expect(tableStage({}, { parts: [table] })).rejects.toMatchObject({ code: 'child-start-failed' })
    await claw.stop()
    const second = await tableStage({}, { parts: [table] })
    expect(table.of().list()).toEqual([])
    await second.claw.stop()
  })
})

describe('a start that fails', () => {
  test('leaves neither a process nor a document', async () => {
    const { processes, begin, claw, sandbox, store } = await tableStage()
    sandbox.before = (method) => {
      if (method === 'spawn') throw new BeamClawError('command-refused', 'changed since')
    }
    await expect(begin()).rejects.toEqual(code('command-refused'))
    expect(processes.list()).toEqual([])
    expect(await store.list(['default' as never, 'processes'])).toEqual([])
    await claw.stop()
  })

  test('ends a process that no later node would find', async () => {
    const store = new MemoryStore()
    const { processes, begin, claw, sandbox } = await tableStage({}, { store })
    const put = store.put.bind(store)
    store.put = async (name, value, options) => {
      if (options === undefined && name[1] === 'processes') throw new BeamClawError('store-io', 'disk')
      return put(name, value, options)
    }
    await expect(begin()).rejects.toEqual(code('store-io'))
    expect(sandbox.running).toEqual([])
    expect(processes.list()).toEqual([])
    store.put = put
    expect(await store.list(['default' as never, 'processes'])).toEqual([])
    await claw.stop()
  })

  test('takes another name where another node has it', async () => {
    const store = new MemoryStore()
    // The same pair of words comes up each time.
    const services = { clock: new ManualClock(), logger: silentLogger, random: { next: () => 0.5 } }
    const { begin, claw } = await tableStage({}, { store, services })
    const put = store.put.bind(store)
    const refused: string[] = []
    store.put = async (name, value, options) => {
      if (options?.expectedVersion === 0 && name[1] === 'processes' && refused.length < 2) {
        refused.push(name[2] ?? '')
        throw new BeamClawError('version-conflict', 'taken')
      }
      return put(name, value, options)
    }
    const { shown } = await begin()
    expect(new Set([...refused, shown.id]).size).toBe(3)
    await claw.stop()
  })
})
