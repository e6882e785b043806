/** Journals that were changed while no process ran: their sessions reject with the location of the damage; the others keep working. */
import { once } from 'node:events'
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { crc32 } from 'node:zlib'
import { BeamClaw, defineAgent, type Provider, type RunningBeamClaw } from '@beamclaw/core'
import { DemoProvider } from '@beamclaw/providers/demo'
import { FsStore } from '@beamclaw/store-fs'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { journalPath, segmentPaths } from './lab/journal-files.ts'

let folder: string
let original: string
let data: string

interface LogLine {
  readonly event: string
  readonly fields: Readonly<Record<string, unknown>>
}

async function start(path: string, logs: LogLine[] = [], demo: Provider = new DemoProvider()): Promise<RunningBeamClaw> {
  return new BeamClaw({
    providers: { demo },
    agents: [defineAgent({ id: 'main', model: 'demo/demo-1' })],
    store: new FsStore({ path }),
    services: { logger: { log: (_level, event, fields = {}) => void logs.push({ event, fields }) } },
  }).start()
}

/** Begins, and says nothing until it is told to stop. */
const silent: Provider = {
  async *doStream(_request, { signal }) {
    yield { type: 'text-delta', text: 'Well' }
    await once(signal, 'abort')
    signal.throwIfAborted()
  },
  listModels: async () => [],
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'beamclaw-damage-'))
  original = join(folder, 'original')
  const claw = await start(original)
  for (const name of ['first', 'second'])
    for (const text of ['hello', 'hello again']) await claw.session(`agent:main:${name}`).send(text).result()
  interrupted = join(folder, 'interrupted')
  cpSync(original, interrupted, { recursive: true, filter: (source) => basename(source) !== '.lock' })
  await claw.stop()
})

afterAll(() => {
  rmSync(folder, { recursive: true, force: true })
})

beforeEach(() => {
  data = mkdtempSync(join(folder, 'damaged-'))
  cpSync(original, data, { recursive: true })
})

const ownFile = (): string => journalPath(data)

/** A copy of the data in the middle of a process's life, as `kill -9` leaves it: both sessions are in the write-ahead log. */
let interrupted: string

/** The newest segment of the write-ahead log. */
function segment(): string {
  return segmentPaths(data).at(-1) ?? expect.unreachable('there is no write-ahead log')
}

/** Uses the copy instead of the one at rest. */
function interrupt(): void {
  rmSync(data, { recursive: true })
  cpSync(interrupted, data, { recursive: true })
}

function edit(file: string, change: (lines: string[]) => string[]): void {
  writeFileSync(file, change(readFileSync(file, 'utf8').split('\n')).join('\n'))
}

/** A line with something else in it, and a checksum that fits. */
function rewritten(line: string | undefined, from: string | RegExp, to: string): string {
  const body = (line ?? '').slice(0, -'","c":"00000000"}'.length + 1).replace(from, to)
  return `${body},"c":"${crc32(body).toString(16).padStart(8, '0')}"}`
}

/** What came of a message to the damaged session. */
async function refusal(): Promise<{
  readonly code: string
  readonly message: string
  readonly details: Readonly<Record<string, unknown>>
}> {
  const claw = await start(data)
  try {
    const refused = await claw
      .session('agent:main:first')
      .send('are you there?')
      .accepted.then(
        () => expect.unreachable('the damaged session took a message'),
        (error: unknown) => error as Awaited<ReturnType<typeof refusal>>,
      )
    // Neither the damage nor the refusal is any other session's business.
    expect((await claw.session('agent:main:second').send('hello').result()).text).not.toBe('')
    return refused
  } finally {
    await claw.stop()
  }
}

const damages: readonly [string, () => void][] = [
  [
    'a flipped bit',
    () => edit(ownFile(), (lines) => lines.map((line, index) => (index === 3 ? line.replace('"turn":1', '"turn":3') : line))),
  ],
  ['a record twice', () => edit(ownFile(), (lines) => lines.flatMap((line, index) => (index === 3 ? [line, line] : [line])))],
  ['a record missing', () => edit(ownFile(), (lines) => lines.filter((_line, index) => index !== 3))],
  ['records in the wrong order', () => edit(ownFile(), ([one = '', two = '', ...rest]) => [two, one, ...rest])],
  [
    'a line of a kind that a later version writes',
    () => edit(ownFile(), (lines) => lines.map((line, index) => (index === 3 ? rewritten(line, '"t":', '"later":') : line))),
  ],
]

describe('a session refuses, and names file and offset, when its journal has', () => {
  test.each(damages)('%s', async (_what, damage) => {
    damage()
    const { code, message, details } = await refusal()
    expect(code).toBe('log-corrupt')
    expect(message).toContain(journalPath(data))
    expect(details).toMatchObject({ file: expect.stringContaining(journalPath(data)), offset: expect.any(Number) })
  })
})

/** Changes lines of the first session in the write-ahead log; the others stay as they are. */
function editInLog(change: (lines: string[]) => string[]): void {
  edit(segment(), (lines) => {
    const isFirst = (line: string): boolean => line.includes('"k":["default","sessions","main","first"]')
    const at = lines.findIndex(isFirst)
    const others = lines.filter((line) => !isFirst(line))
    return [...others.slice(0, at), ...change(lines.filter(isFirst)), ...others.slice(at)]
  })
}

const damagesInLog: readonly [string, () => void][] = [
  ['a flipped bit', () => editInLog((lines) => lines.map((line, index) => (index === 3 ? line.replace('"turn":1', '"turn":3') : line)))],
  ['a record twice', () => editInLog((lines) => lines.flatMap((line, index) => (index === 3 ? [line, line] : [line])))],
  ['a record missing', () => editInLog((lines) => lines.filter((_line, index) => index !== 3))],
  ['records in the wrong order', () => editInLog(([one = '', two = '', ...rest]) => [two, one, ...rest])],
  [
    'a line of a kind that a later version writes',
    () => editInLog((lines) => lines.map((line, index) => (index === 3 ? rewritten(line, '"t":', '"later":') : line))),
  ],
]

describe('a session refuses, and names file and offset, when its part of the write-ahead log has', () => {
  test.each(damagesInLog)('%s', async (_what, damage) => {
    interrupt()
    const log = segment()
    damage()
    const { code, message, details } = await refusal()
    expect(code).toBe('log-corrupt')
    expect(message).toContain(log)
    expect(details).toMatchObject({ file: log, offset: expect.any(Number) })
  })
})

test('a session refuses when the last line of its journal is of a kind that a later version writes', async () => {
  edit(ownFile(), (lines) => lines.map((line, index) => (index === lines.length - 2 ? rewritten(line, '"t":', '"later":') : line)))
  expect((await refusal()).code).toBe('log-corrupt')
})

test('nothing starts on a write-ahead log of a later version', async () => {
  interrupt()
  edit(segment(), ([header, ...lines]) => [rewritten(header, '"wal":1', '"wal":2'), ...lines])
  await expect(start(data)).rejects.toMatchObject({ code: 'log-corrupt', details: { file: segment() } })
})

const strangeRecords: readonly [string, () => void][] = [
  [
    'of a type that a later version writes',
    () =>
      edit(ownFile(), (lines) =>
        lines.map((line, index) => (index === 2 ? rewritten(line, '"t":"model-request"', '"t":"from-the-future"') : line)),
      ),
  ],
  [
    'of a run that is not under way',
    () =>
      edit(ownFile(), (lines) => lines.map((line, index) => (index === 2 ? rewritten(line, /"runId":"[^"]*"/, '"runId":"nobody"') : line))),
  ],
]

describe('a session refuses when its journal has a sound record', () => {
  test.each(strangeRecords)('%s', async (_what, damage) => {
    damage()
    expect((await refusal()).code).toBe('log-corrupt')
  })

  test.each(strangeRecords)('%s, and names file and offset', async (_what, damage) => {
    damage()
    expect((await refusal()).details).toMatchObject({ file: ownFile(), offset: expect.any(Number) })
  })
})

test('a session refuses the journal of another session', async () => {
  cpSync(journalPath(data, 'second'), journalPath(data))
  const { code, message } = await refusal()
  expect(code).toBe('log-corrupt')
  expect(message).toContain(journalPath(data))
})

test.each([
  ['in its own file', ownFile],
  ['in the write-ahead log', segment],
])('F13: a session that was busy and is damaged %s is reported at the start, and holds nobody up', async (_where, place) => {
  const claw = await start(data, [], silent)
  // Taken down in the middle of a run of each, when its records are durable.
  for (const name of ['first', 'second']) {
    const run = claw.session(`agent:main:${name}`).send('hello', { idempotencyKey: 'last' })
    for await (const event of run) if (event.type === 'text-delta') break
  }
  claw.kill()
  const killed = mkdtempSync(join(folder, 'killed-'))
  cpSync(data, killed, { recursive: true, filter: (source) => basename(source) !== '.lock' })
  await claw.stop()
  // An orderly end of the store moves everything; the copy is as it was before.
  if (place === segment) data = killed
  const damaged = place()
  edit(damaged, (lines) => {
    const begun = lines.findIndex((line) => line.startsWith('{"s":12,"k":["default","sessions","main","first"]'))
    expect(begun).toBeGreaterThan(0)
    return lines.filter((_line, index) => index !== begun)
  })
  const logs: LogLine[] = []
  const again = await start(data, logs)
  try {
    expect(await again.resumed).toBe(1)
    expect(logs).toMatchObject([
      { event: 'session.not-resumed', fields: { session: 'agent:main:first', error: expect.stringContaining(damaged) } },
    ])
    expect((await again.session('agent:main:second').send('hello', { idempotencyKey: 'last' }).result()).text).not.toBe('')
  } finally {
    await again.stop()
  }
})
