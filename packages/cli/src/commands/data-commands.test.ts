// `beamclaw backup` and `beamclaw journal`: beside a gateway that runs, and without one.
import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { appendFileSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { defaultTenant, type JsonObject, type LogEntry } from '@beamclaw/core'
import { FsStore } from '@beamclaw/store-fs'
import { type ModelAnswer, type ModelServer, startModelServer } from '@beamclaw/testkit/model-server'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type GatewayProcess, startGateway } from '../testing/gateway-process.ts'
import { CliProcess, jsonLines, runCli } from '../testing/run-cli.ts'

const canHaveTerminal = process.platform === 'linux' && spawnSync('script', ['--version']).status === 0
if (!canHaveTerminal) console.log('skipped: colours and progress need `script`, which makes a terminal')

let folder: string
let model: ModelServer
let gateways: GatewayProcess[]
let answer: () => ModelAnswer | Promise<ModelAnswer>

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'beamclaw-data-'))
  answer = () => ({ text: 'It is fine.' })
  model = await startModelServer({ answers: () => answer() })
  gateways = []
  writeFileSync(
    join(folder, 'beamclaw.yaml'),
    `providers: { local: { type: openai, apiKey: '\${A_KEY}', baseUrl: '${model.baseUrl}' } }
agents: { main: { model: local/scripted-1 }, other: { model: local/scripted-1 } }
store: { path: '${join(folder, 'data')}' }\n`,
  )
})

afterEach(async () => {
  for (const { child } of gateways) child.kill('SIGKILL')
  await Promise.all(gateways.map(({ exited }) => exited))
  await model.stop()
  rmSync(folder, { recursive: true, force: true })
})

async function start(data = 'data'): Promise<GatewayProcess> {
  const gateway = await startGateway(['--config', join(folder, 'beamclaw.yaml'), '--data-dir', join(folder, data)], { A_KEY: 'none' })
  gateways.push(gateway)
  return gateway
}

/** Without the keys of the model services, as in a cron job. */
const run = (...args: readonly string[]) => runCli(args, { cwd: folder })
const send = (gateway: GatewayProcess, text: string, ...flags: readonly string[]) =>
  runCli(['send', text, ...flags], { cwd: folder, environment: { BEAMCLAW_URL: gateway.url } })

/** Writes a journal as a store does. */
async function journalOf(session: string, records: readonly JsonObject[], type = 'message-in'): Promise<void> {
  const store = new FsStore({ path: join(folder, 'data') })
  const log = await store.openLog([defaultTenant, 'sessions', 'main', session], { epoch: 1, nonce: 'a' })
  const entry = (data: JsonObject, index: number): LogEntry => ({ seq: index + 1, type, id: `r${index + 1}`, ts: 1_700_000_000_000, data })
  await log.append(records.map(entry))
  await store.stop()
}

const message = (text: string): JsonObject => ({ runId: 'run-1', queueMode: 'queue', message: { role: 'user', content: text } })
const ownFile = (session: string) => join(folder, 'data/default/sessions/main', `${session}.log.jsonl`)

describe('backup', () => {
  test('of a session at work is gone on with after kill -9: its history is there, and its open run ends', async () => {
    const gateway = await start()
    expect(await send(gateway, 'first')).toMatchObject({ code: 0, output: 'It is fine.\n' })
    const asked = Promise.withResolvers<void>()
    answer = async () => {
      asked.resolve()
      await new Promise(() => {})
      return { text: 'never' }
    }
    const waiting = new CliProcess(['send', 'second', '--idempotency-key', 'key-2'], {
      cwd: folder,
      environment: { BEAMCLAW_URL: gateway.url },
    })
    await asked.promise
    const { code, output, errors } = await run('backup', 'saved')
    expect({ code, errors }).toEqual({ code: 0, errors: '' })
    expect(output).toMatch(/^\/.*\/saved: [1-9]\d* logs?, \d+ documents?, 0 attachments, [\d.]+ k?B in [\d.]+ s\n$/)
    gateway.child.kill('SIGKILL')
    await gateway.exited
    await waiting.outcome
    answer = () => ({ text: 'Late, and fine.' })
    const restored = await start('saved')
    expect(await send(restored, 'third')).toMatchObject({ code: 0 })
    // The same message under the same key is not run again: its answer comes back.
    expect(await send(restored, 'second', '--idempotency-key', 'key-2')).toMatchObject({ code: 0, output: 'Late, and fine.\n' })
    const history = await runCli(['history', 'agent:main:main'], { cwd: folder, environment: { BEAMCLAW_URL: restored.url } })
    expect(history.output).toMatch(/first\n[\s\S]*It is fine\.\n[\s\S]*second\n[\s\S]*Late, and fine\.\n[\s\S]*third\n/)
  })

  test('prints one object for programs, and names what is not in it', async () => {
    await journalOf('main', [message('hello')])
    writeFileSync(join(folder, 'data/notes\u001b.txt'), 'mine')
    const outcome = await run('backup', 'saved', '--json')
    expect(jsonLines(outcome)).toEqual([
      {
        from: join(folder, 'data'),
        to: join(folder, 'saved'),
        logs: 1,
        documents: 0,
        blobs: 0,
        bytes: expect.any(Number),
        ms: expect.any(Number),
        leftOut: ['notes\u001b.txt'],
        damagedFiles: 0,
        damaged: [],
      },
    ])
    expect(outcome.errors).toBe('beamclaw: not in the backup, as symbolic links or files of others: notes\\u001b.txt\n')
  })

  test('is made of a damaged session too, names it, and ends with 1', async () => {
    await journalOf('main', [message('hello'), message('there')])
    await journalOf('fine', [message('hello')])
    writeFileSync(ownFile('main'), readFileSync(ownFile('main'), 'utf8').replace('hello', 'jello'))
    const { code, output, errors } = await run('backup', 'saved')
    expect(code).toBe(1)
    expect(output).toContain('saved: 2 logs')
    expect(errors).toMatch(
      /^beamclaw: default\/sessions\/main\/main\.log\.jsonl: damaged, 1 line\nbeamclaw: That file was damaged before, [^\n]* \(log-corrupt\)\n$/,
    )
    expect(readFileSync(join(folder, 'saved/default/sessions/main/main.log.jsonl'))).toEqual(readFileSync(ownFile('main')))
    const programs = await run('backup', 'again', '--json')
    expect(programs.code).toBe(1)
    const file = 'default/sessions/main/main.log.jsonl'
    expect(jsonLines(programs)).toMatchObject([
      { logs: 2, damagedFiles: 1, damaged: [{ file, key: ['default', 'sessions', 'main', 'main'], lines: 1 }] },
    ])
  })

  test.each([
    ['backup', 'other'],
    ['journal', 'main'],
    ['doctor', '--repair'],
  ])('%s %s says of what is no data directory the same as the others', async (...command) => {
    mkdirSync(join(folder, 'project/src'), { recursive: true })
    for (const name of ['nothing', 'project']) {
      const { code, errors } = await run(...command, '--data-dir', name)
      expect(code).toBe(1)
      expect(errors).toMatch(/^beamclaw: \/[^\n]* is no data directory: [^\n]*\. Name [^\n]* \(invalid-option\)\n$/)
      expect(errors).not.toMatch(/[A-Z][a-z]+[A-Z]\w*:/)
    }
  })

  test('says in one line why it was not made', async () => {
    await journalOf('main', [message('hello')])
    mkdirSync(join(folder, 'saved/inner'), { recursive: true })
    const taken = await run('backup', 'saved')
    expect(taken).toMatchObject({ code: 1, output: '' })
    expect(taken.errors).toMatch(/^beamclaw: [^\n]*saved: it is there already, and not an empty directory[^\n]* \(invalid-option\)\n$/)
    const nothing = await run('backup', 'other', '--data-dir', 'nothing', '--json')
    expect(nothing.code).toBe(1)
    expect(jsonLines(nothing)).toMatchObject([{ type: 'error', error: { code: 'invalid-option' } }])
    writeFileSync(join(folder, 'beamclaw.yaml'), 'store: { type: memory }\n')
    expect(await run('backup', 'other')).toMatchObject({ code: 2, errors: expect.stringContaining('in memory only') })
    writeFileSync(join(folder, 'beamclaw.yaml'), 'store: { path: 7 }\n')
    expect(await run('backup', 'other')).toMatchObject({ code: 2, errors: expect.stringContaining('beamclaw config check') })
    // biome-ignore lint/suspicious/noTemplateCurlyInString: a variable of the configuration
    writeFileSync(join(folder, 'beamclaw.yaml'), 'store: { path: "${NOT_SET}" }\n')
    expect(await run('backup', 'other')).toMatchObject({ code: 2, errors: expect.stringContaining('NOT_SET is not set') })
    expect(existsSync(join(folder, 'other'))).toBe(false)
  })

  test.skipIf(!canHaveTerminal)('shows its progress on a terminal, and takes it away again', async () => {
    await journalOf('main', [message('hello')])
    const bin = new URL('../bin.ts', import.meta.url).pathname
    const command = `${process.execPath} --conditions=beamclaw:source ${bin} backup saved`
    const { stdout } = spawnSync('script', ['-qec', command, '/dev/null'], {
      cwd: folder,
      encoding: 'utf8',
      env: { PATH: process.env.PATH },
    })
    expect(stdout.replaceAll('\u001b[K', '<clear>')).toMatch(/\r<clear>1 files, \d+ B\r<clear>\/.*saved: 1 log, 0/)
  })

  test('that is ended by SIGINT leaves nothing, and ends with 1', async () => {
    await journalOf(
      'main',
      range(400).map((index) => message(`${index}${'x'.repeat(50_000)}`)),
    )
    const copying = new CliProcess(['backup', 'saved'], { cwd: folder })
    while (!readdirSync(folder).some((name) => name.startsWith('saved'))) await new Promise((resolve) => setTimeout(resolve, 1))
    copying.child.kill('SIGINT')
    const { code, errors } = await copying.outcome
    if (code !== 0)
      expect({ code, errors, left: readdirSync(folder).filter((name) => name.startsWith('saved')) }).toMatchObject({ code: 1, left: [] })
  })
})

describe('journal', () => {
  test('prints a line for each record beside a running gateway, with the telling part', async () => {
    const gateway = await start()
    await send(gateway, 'hello there')
    const { code, output, errors } = await run('journal', 'main')
    expect({ code, errors }).toEqual({ code: 0, errors: '' })
    const lines = output.trimEnd().split('\n')
    expect(lines[0]).toMatch(/^ {5}1 {2}\d{4}-\d\d-\d\d \d\d:\d\d:\d\d {2}message-in +\S+ .*“hello there”$/)
    expect(output).toMatch(/model-request +\S+ +turn 1 +local\/scripted-1$/m)
    expect(output).toMatch(/model-response +\S+ +turn 1 +stop +\d+ \+ \d+ tokens +“It is fine\.”$/m)
    expect(output).toMatch(/run-end +\S+ +completed$/m)
    expect((await run('journal', 'agent:main:main')).output).toBe(output)
    expect((await run('journal', 'main', '--from', '2', '--limit', '2')).output).toBe(`${lines.slice(1, 3).join('\n')}\n`)
    const records = jsonLines(await run('journal', 'main', '--json'))
    expect(records[0]).toMatchObject({ kind: 'record', seq: 1, type: 'message-in', data: { message: { content: 'hello there' } } })
    expect(records).toHaveLength(lines.length)
  })

  test('prints what the page about operations shows', async () => {
    const page = readFileSync(new URL('../../../../docs/operations.md', import.meta.url), 'utf8')
    const [, shown = ''] = /^ {4}\$ beamclaw journal main\n((?: {4}.*\n)+)/m.exec(page) ?? []
    const gateway = await startGateway(['--data-dir', join(folder, 'data')])
    gateways.push(gateway)
    await send(gateway, '2+3', '--idempotency-key', 'key-1')
    const withoutTimes = (text: string) => text.replaceAll(/\d{4}-\d\d-\d\d \d\d:\d\d:\d\d/g, 'TIME')
    expect(withoutTimes((await run('journal', 'main')).output)).toBe(withoutTimes(shown.replaceAll(/^ {4}/gm, '')))
  })

  test('says of a session that is not there how to find the others, and what is no data directory', async () => {
    await journalOf('main', [message('hello')])
    const { code, output, errors } = await run('journal', 'other', '--agent', 'other')
    expect({ code, output }).toEqual({ code: 1, output: '' })
    expect(errors).toMatch(
      /^beamclaw: There is no session agent:other:other in [^\n]*; beamclaw sessions lists [^\n]* \(unknown-session\)\n$/,
    )
    expect(await run('journal', 'main', '--tenant', 'acme')).toMatchObject({
      code: 1,
      errors: expect.stringContaining('(unknown-session)'),
    })
    expect((await run('journal', 'main', '--data-dir', 'nothing')).errors).toContain(
      'is no data directory: it has no write-ahead log. Name it with --data-dir',
    )
    expect(existsSync(join(folder, 'nothing'))).toBe(false)
    expect(await run('journal', '..')).toMatchObject({ code: 1, errors: expect.stringContaining('(invalid-session-key)') })
    expect(await run('journal', 'main', '--from', '0')).toMatchObject({ code: 2 })
    expect(await run('journal', 'main', '--from', '9')).toMatchObject({ code: 0, errors: expect.stringContaining('no records from 9 on') })
  })

  test('shows a damaged line where it is, prints the rest, and ends with 1', async () => {
    await journalOf('main', ['one', 'two', 'three'].map(message))
    writeFileSync(ownFile('main'), readFileSync(ownFile('main'), 'utf8').replace('two', 'TWO'))
    const { code, output, errors } = await run('journal', 'main')
    expect(code).toBe(1)
    expect(errors).toBe('beamclaw: 1 of the lines above cannot be read; the rest is as it was written (log-corrupt)\n')
    expect(output.split('\n').map((line) => /“(.*)”|line.*/.exec(line)?.[0])).toEqual([
      '“one”',
      'line 2: cannot be read',
      '“three”',
      undefined,
    ])
    const json = jsonLines(await run('journal', 'main', '--json'))
    expect(json.map(({ kind, type }) => kind ?? type)).toEqual(['record', 'damaged', 'record', 'error'])
    appendFileSync(ownFile('main'), '{"s":4')
    expect((await run('journal', 'main')).output).toMatch(/line 4: cannot be read\n$/)
  })

  test('makes visible whatever could control a terminal, in every field and in JSON', async () => {
    const evil = '\u001b]0;title\u0007\u001b[2J\u009b31m\r\n\u202eabc\u2028\u0000'
    await journalOf('main', [message(evil), { runId: evil, queueMode: evil, message: [evil] }, { [evil]: evil }])
    await journalOf('odd', [message(evil)], `type${evil}`)
    for (const flags of [['main'], ['main', '--json'], ['odd'], ['odd', '--json']]) {
      const { code, output } = await run('journal', ...flags)
      expect(code).toBe(0)
      expect(output.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\u2028\u202e]/u)
      expect(output).toContain('\\u001b')
      expect(output.trimEnd().split('\n')).toHaveLength(flags[0] === 'main' ? 3 : 1)
    }
    expect(jsonLines(await run('journal', 'odd', '--json'))[0]).toMatchObject({ type: `type${evil}` })
  })

  test('shortens long texts, and shows a snapshot as one line', async () => {
    await journalOf('main', [message('x'.repeat(5_000_000)), message('😀'.repeat(1_000))])
    const store = new FsStore({ path: join(folder, 'data') })
    const log = await store.openLog([defaultTenant, 'sessions', 'main', 'main'], { epoch: 2, nonce: 'b' })
    await log.snapshot({ seq: 2, state: { large: 'y'.repeat(10_000) } })
    await store.stop()
    const lines = (await run('journal', 'main')).output.trimEnd().split('\n')
    expect(lines.map((line) => Array.from(line).length < 220)).toEqual([true, true, true])
    expect(lines[0]).toMatch(/x…$/)
    expect(lines[1]).toMatch(/😀…$/)
    expect(lines[2]).toMatch(/^ {5}2 {2}snapshot up to here, 10\.\d kB$/)
  })

  test('ends quietly when its reader has seen enough', async () => {
    await journalOf(
      'main',
      range(3_000).map((index) => message(`${index} ${'x'.repeat(100)}`)),
    )
    const printing = new CliProcess(['journal', 'main'], { cwd: folder })
    printing.child.stdout?.destroy()
    await once(printing.child, 'exit')
    expect(printing.child.exitCode).toBe(0)
  })

  test.skipIf(!canHaveTerminal)('has colours on a terminal only', async () => {
    await journalOf('main', [message('hello')])
    const bin = new URL('../bin.ts', import.meta.url).pathname
    const command = `${process.execPath} --conditions=beamclaw:source ${bin} journal main`
    const { stdout } = spawnSync('script', ['-qec', command, '/dev/null'], {
      cwd: folder,
      encoding: 'utf8',
      env: { PATH: process.env.PATH, TERM: 'xterm' },
    })
    expect(stdout).toContain('\u001b[32m')
    expect((await run('journal', 'main')).output).not.toContain('\u001b')
  })
})

function range(count: number): readonly number[] {
  return Array.from({ length: count }, (_, index) => index)
}
