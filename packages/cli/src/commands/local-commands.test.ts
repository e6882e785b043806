// The commands that need no gateway, each in a process of its own.

import { spawnSync } from 'node:child_process'
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import { type AddressInfo, createServer as createTcpServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { startModelServer } from '@beamclaw/testkit/model-server'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { program } from '../program.ts'
import { startGateway } from '../testing/gateway-process.ts'
import { jsonLines, runCli } from '../testing/run-cli.ts'

// Root may read every file, so as root the test runs the command as another user, who must be able to read this program.
const other = process.getuid?.() === 0 ? { uid: 65_534 } : {}
const canBeRefused = process.platform !== 'win32' && spawnSync('cat', [fileURLToPath(import.meta.url)], other).status === 0
if (!canBeRefused) console.log('skipped: that a configuration may not be read needs a checkout that other users may read')

let folder: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'beamclaw-commands-'))
})

afterEach(() => rmSync(folder, { recursive: true, force: true }))

const inFolder = (args: readonly string[], environment: Record<string, string> = {}) => runCli(args, { cwd: folder, environment })
const write = (text: string) => writeFileSync(join(folder, 'beamclaw.yaml'), text)

describe('the command line', () => {
  const commands = program().commands.flatMap((command) =>
    command.commands.length === 0 ? [[command.name()]] : command.commands.map((inner) => [command.name(), inner.name()]),
  )

  test.each(commands.map((names) => [names.join(' '), names] as const))('%s tells what it takes, and has --json', async (_, names) => {
    const { code, output } = await runCli([...names, '--help'])
    expect(code).toBe(0)
    expect(output).toContain(`Usage: beamclaw ${names.join(' ')}`)
    expect(output).toContain('--json')
  })

  test('has the commands that are promised', () => {
    const names = commands.map((parts) => parts.join(' '))
    const promised = [
      'start',
      'init',
      'config check',
      'skills list',
      'mcp list',
      'mcp test',
      'approvals list',
      'approvals show',
      'approvals approve',
      'approvals deny',
      'approvals grants',
      'approvals revoke',
      'cluster status',
      'cluster nodes',
      'cluster tree',
      'cluster drain',
      'processes list',
      'processes tail',
      'processes write',
      'processes kill',
      'doctor',
      'status',
      'send',
      'sessions list',
      'sessions show',
      'history',
      'redrive',
      'agents',
      'models',
      'backup',
      'journal',
      ...['subagents list', 'subagents show', 'subagents cancel'],
      'workers split',
    ]
    expect(names.toSorted()).toEqual(promised.toSorted())
  })

  test.each([
    [['approvals', 'frobnicate'], "unknown command 'frobnicate'\n(There are list, show, approve, deny, grants, revoke)"],
    [['mcp', 'tset', 'x'], "unknown command 'tset'\n(Did you mean test?)"],
    [['skills', 'lst'], "unknown command 'lst'\n(Did you mean list?)"],
    [['config', 'chekc'], "unknown command 'chekc'\n(Did you mean check?)"],
  ])('names the nearest command of a group: %j', async (args, problem) => {
    const { code, errors } = await runCli(args)
    expect([code, errors.startsWith(`beamclaw: ${problem}\n`), errors]).toEqual([2, true, expect.any(String)])
  })

  test.each([
    ['statsu'],
    ['send'],
    ['start', '--prot', '1'],
    ['init', '--provider', 'acme'],
    ['history'],
    ['skills', 'lst'],
    ['processes', 'tail', 'x', '--bytes', '-3'],
  ])('refuses wrong usage with 2: %j', async (...args) => {
    const { code, output, errors } = await runCli(args)
    expect(code).toBe(2)
    expect(errors).toMatch(/^beamclaw: /)
    expect(output).toBe('')
    const json = await runCli([...args, '--json'])
    expect(json.code).toBe(2)
    expect(jsonLines(json)).toEqual([{ type: 'error', error: { code: 'invalid-usage', message: expect.not.stringContaining('error:') } }])
  })
})

describe('init', () => {
  test.each(['demo', 'openai', 'anthropic'])(
    'writes a configuration for %s that start would take, for nobody else to read',
    async (provider) => {
      expect((await inFolder(['init', '--provider', provider])).code).toBe(0)
      const file = join(folder, 'beamclaw.yaml')
      expect(statSync(file).mode & 0o777).toBe(0o600)
      const { code, output } = await inFolder(['config', 'check'], { OPENAI_API_KEY: 'sk-1', ANTHROPIC_API_KEY: 'sk-2' })
      expect({ code, isFine: output.startsWith(`${file} is fine`) }).toEqual({ code: 0, isFine: true })
    },
  )

  test.each(['demo', 'openai', 'anthropic'])('has comments for %s that may all be used as they are', async (provider) => {
    expect((await inFolder(['init', '--provider', provider])).code).toBe(0)
    const text = readFileSync(join(folder, 'beamclaw.yaml'), 'utf8')
    const used = text.replaceAll(/^( *)# ( {0,3}[\w/.-]+:(?: |$))/gm, '$1$2')
    for (const line of ['workers: ', '    tools: [', '    askMode: ', '    skills: [', 'tools:', 'skills:'])
      expect(used).toContain(`\n${line}`)
    write(used)
    const keys = { OPENAI_API_KEY: 'sk-1', ANTHROPIC_API_KEY: 'sk-2', BEAMCLAW_GATEWAY_TOKEN: 'a-long-token' }
    const { code, errors } = await inFolder(['config', 'check'], keys)
    expect({ code, errors }).toEqual({ code: 0, errors: '' })
  })

  test('has what several gateways need in the place of the store', async () => {
    expect((await inFolder(['init'])).code).toBe(0)
    const text = readFileSync(join(folder, 'beamclaw.yaml'), 'utf8')
    write(text.replace(/^store:\n(?: .*\n)*/m, '').replaceAll(/^# {5}(store|cluster): /gm, '$1: '))
    const { code, errors } = await inFolder(['config', 'check'])
    expect({ code, errors }).toEqual({ code: 0, errors: '' })
    expect(readFileSync(join(folder, 'beamclaw.yaml'), 'utf8')).toMatch(/^store: \{ type: redis/m)
  })

  test('chooses the service whose key is there', async () => {
    const [line] = jsonLines(await inFolder(['init', '--json'], { OPENAI_API_KEY: 'sk-1' }))
    expect(line).toEqual({ file: join(folder, 'beamclaw.yaml'), provider: 'openai' })
  })

  test('does not write over a file that is there, unless it is forced', async () => {
    write('# mine')
    const { code, errors } = await inFolder(['init'])
    expect({ code, errors }).toEqual({
      code: 1,
      errors: `beamclaw: ${join(folder, 'beamclaw.yaml')} is there already; --force writes over it (file-exists)\n`,
    })
    expect(readFileSync(join(folder, 'beamclaw.yaml'), 'utf8')).toBe('# mine')
    expect((await inFolder(['init', '--force'])).code).toBe(0)
    expect(readFileSync(join(folder, 'beamclaw.yaml'), 'utf8')).toContain('agents:')
  })

  test.each([
    [[], 'beamclaw start'],
    [['other/path.yaml'], 'beamclaw start --config other/path.yaml'],
    [["it's here.yaml"], `beamclaw start --config 'it'\\''s here.yaml'`],
  ])('ends with the command that uses it: %j', async (args, command) => {
    const { output } = await inFolder(['init', ...args])
    expect(output.trimEnd().split('\n').at(-1)).toBe(`Look into it, then: ${command}`)
  })

  test('says why it cannot write', async () => {
    write('')
    const { code, errors } = await inFolder(['init', 'beamclaw.yaml/inner.yaml'])
    expect(code).toBe(1)
    expect(errors).toMatch(/^beamclaw: .*inner\.yaml cannot be written: [^\n]+ \(not-written\)\n$/)
  })
})

describe('config check', () => {
  test('names every problem on a line of its own, and ends with 2', async () => {
    write(`gatway: {}\nproviders: { x: { type: anthropic, apiKey: \${NOT_SET} } }\n`)
    const file = join(folder, 'beamclaw.yaml')
    expect(await inFolder(['config', 'check'])).toEqual({
      code: 2,
      output: '',
      errors:
        `beamclaw: ${file}:2: providers.x.apiKey: the environment variable NOT_SET is not set\n` +
        `beamclaw: ${file}:1: gatway: unknown key; did you mean "gateway"?\n`,
    })
    const json = await inFolder(['config', 'check', '--json'])
    expect(json.code).toBe(2)
    expect(jsonLines(json)).toMatchObject([{ file, isValid: false, problems: [{}, {}].map(() => expect.any(String)) }])
  })

  test('finds what only the pieces together show', async () => {
    write('agents: { main: { model: nobody/x } }\n')
    const { code, errors } = await inFolder(['config', 'check'])
    expect(code).toBe(2)
    expect(errors).toContain('agents.main.model: there is no provider "nobody"; known are demo')
  })

  test('names the section and the entry that a tool refuses', async () => {
    write('tools:\n  web:\n    allowHosts: [example.com, "a:b:c"]\n')
    const { code, errors } = await inFolder(['config', 'check'])
    expect(code).toBe(2)
    expect(errors).toMatch(/beamclaw\.yaml:3: tools\.web\.allowHosts: option "allowHosts" must be .*; entry 2 is "a:b:c"/)
  })

  test('is fine without a file, and fails for one that is named and not there', async () => {
    expect((await inFolder(['config', 'check'])).code).toBe(0)
    expect((await inFolder(['config', 'check', 'other.yaml'])).code).toBe(2)
  })

  test.skipIf(!canBeRefused)('names a file that this user may not read', async () => {
    write('')
    chmodSync(folder, 0o755)
    chmodSync(join(folder, 'beamclaw.yaml'), 0)
    const { code, errors } = await runCli(['config', 'check'], { cwd: folder, ...other })
    expect(code).toBe(2)
    expect(errors).toBe(`beamclaw: ${join(folder, 'beamclaw.yaml')}: cannot be read: this user may not read it\n`)
  })
})

describe('doctor', () => {
  interface Finding {
    readonly name: string
    readonly state: string
    readonly detail: string
    readonly advice?: string
  }

  async function examine(args: readonly string[] = [], environment: Record<string, string> = {}) {
    const outcome = await inFolder(['doctor', '--json', ...args], environment)
    const [report] = jsonLines(outcome) as unknown as readonly [{ readonly findings: readonly Finding[] }]
    return { code: outcome.code, of: (name: string) => report.findings.filter((finding) => finding.name === name) }
  }

  test('finds nothing wrong with a machine that has all it takes', async () => {
    write('gateway: { port: 0 }')
    const { code, of } = await examine()
    expect(code).toBe(0)
    for (const name of ['node', 'clock', 'config', 'data', 'port', 'provider demo']) expect(of(name)).toMatchObject([{ state: 'ok' }])
    const people = await inFolder(['doctor'])
    expect(people.output).toMatch(/^ok +node +\d/)
    expect(statSync(folder).isDirectory()).toBe(true)
  })

  test('tells what to do about an invalid configuration', async () => {
    write('gatway: {}')
    const { code, of } = await examine()
    expect(code).toBe(1)
    expect(of('config')).toMatchObject([{ state: 'problem', advice: expect.stringContaining('beamclaw config check') }])
  })

  test('tells a port that another program has', async () => {
    const server: Server = createServer((_request, response) => response.end('hello')).listen(0, '127.0.0.1')
    await new Promise((resolve) => server.once('listening', resolve))
    const { port } = server.address() as AddressInfo
    const { code, of } = await examine([], { BEAMCLAW_PORT: String(port) })
    server.close()
    expect(code).toBe(1)
    expect(of('port')).toMatchObject([
      { state: 'problem', detail: `${port} on 127.0.0.1 is taken by another program`, advice: expect.any(String) },
    ])
  })

  test('tells a port that a running gateway has, where start would fail', async () => {
    const gateway = await startGateway(['--data-dir', join(folder, 'data')])
    const { port } = new URL(gateway.url)
    const { code, of } = await examine([], { BEAMCLAW_PORT: port })
    gateway.child.kill('SIGKILL')
    await gateway.exited
    expect(code).toBe(0)
    expect(of('port')).toMatchObject([
      { state: 'warning', detail: expect.stringMatching(/^\d+ on 127.0.0.1 is taken by a running gateway/), advice: expect.any(String) },
    ])
  })

  test('tells a data directory that cannot be', async () => {
    write('gateway: { port: 0 }')
    const { code, of } = await examine([], { BEAMCLAW_DATA_DIR: join(folder, 'beamclaw.yaml', 'data') })
    expect(code).toBe(1)
    expect(of('data')).toMatchObject([
      { state: 'problem', detail: expect.stringContaining('cannot be written'), advice: expect.any(String) },
    ])
  })

  test('counts the sessions beside a running gateway, and says where files are damaged', async () => {
    write('gateway: { port: 0 }')
    const environment = { BEAMCLAW_DATA_DIR: join(folder, 'data') }
    expect((await examine([], environment)).of('sessions')).toEqual([])
    const gateway = await startGateway(['--data-dir', join(folder, 'data')])
    await runCli(['send', 'hello'], { cwd: folder, environment: { BEAMCLAW_URL: gateway.url } })
    const healthy = await examine([], environment)
    expect(healthy.of('sessions')).toMatchObject([
      { state: 'ok', detail: expect.stringMatching(/^1 session, \d.* of files, [\d.]+ k?B of write-ahead log$/) },
    ])
    expect(healthy.of('data files')).toMatchObject([
      { state: 'ok', detail: expect.stringMatching(/^no damage in .* that were looked at$/) },
    ])
    gateway.child.kill('SIGTERM')
    await gateway.exited
    const file = join(folder, 'data/default/sessions/main/main.log.jsonl')
    writeFileSync(file, readFileSync(file, 'utf8').replace('hello', 'HELLO'))
    const { code, of } = await examine([], environment)
    expect(code).toBe(1)
    expect(of('data files')).toMatchObject([
      {
        state: 'problem',
        detail: 'damaged: default/sessions/main/main.log.jsonl line 1',
        advice: expect.stringContaining('from a backup'),
      },
    ])
  })

  test('says that a data directory was written by an earlier release, or by a later one', async () => {
    write('gateway: { port: 0 }')
    const data = join(folder, 'data')
    mkdirSync(join(data, 'default/sessions/main/first'), { recursive: true })
    writeFileSync(join(data, 'default/sessions/main/first/MANIFEST-0001'), '')
    const early = await examine([], { BEAMCLAW_DATA_DIR: data })
    expect(early.of('data format')).toMatchObject([{ state: 'problem', detail: expect.stringContaining('earlier release') }])
  })

  test.skipIf(process.platform === 'win32')('tells a secret that others may read, and none that they may not', async () => {
    write('gateway: { port: 0 }\nproviders: { x: { type: openai, apiKey: sk-secret } }\nagents: { main: { model: x/y } }\n')
    chmodSync(join(folder, 'beamclaw.yaml'), 0o644)
    expect((await examine()).of('config')).toMatchObject([
      { state: 'ok' },
      { state: 'warning', advice: expect.stringContaining('chmod 600') },
    ])
    chmodSync(join(folder, 'beamclaw.yaml'), 0o600)
    expect((await examine()).of('config')).toMatchObject([{ state: 'ok' }])
  })

  test('tells of a provider without the key that its service wants, and asks nobody', async () => {
    const providers = "{ bare: { type: openai }, own: { type: openai, baseUrl: 'https://api.openai.com/v1' } }"
    write(`gateway: { port: 0 }\nproviders: ${providers}\nagents: { main: { model: own/any } }\n`)
    const { code, of } = await examine(['--online'])
    expect(code).toBe(1)
    expect(of('provider bare')).toMatchObject([{ state: 'problem', advice: 'correct providers.bare.apiKey' }])
    expect(of('provider own')).toMatchObject([{ state: 'problem', detail: expect.stringContaining(`write apiKey: \${OPENAI_API_KEY}`) }])
  })

  test('tries keys when it is told to, and only then', async () => {
    await using model = await startModelServer({ apiKey: 'sk-right' })
    const providers = (key: string, url: string) => `{ type: openai, apiKey: ${key}, baseUrl: '${url}' }`
    const closed = createTcpServer().listen(0, '127.0.0.1')
    await new Promise((resolve) => closed.once('listening', resolve))
    const nobody = `http://127.0.0.1:${(closed.address() as AddressInfo).port}/v1`
    await new Promise((resolve) => closed.close(resolve))
    const [right, wrong, gone] = [providers('sk-right', model.baseUrl), providers('sk-wrong', model.baseUrl), providers('sk-any', nobody)]
    write(
      `gateway: { port: 0 }\nproviders: { right: ${right}, wrong: ${wrong}, gone: ${gone} }\nagents: { main: { model: right/scripted-1 } }\n`,
    )
    expect((await examine()).code).toBe(0)
    expect(model.requests).toHaveLength(0)
    const { code, of } = await examine(['--online'])
    expect(code).toBe(1)
    expect(of('provider right')).toMatchObject([{ state: 'ok', detail: 'answers, and offers 1 models' }])
    expect(of('provider wrong')).toMatchObject([{ state: 'problem', detail: expect.stringContaining('does not take the key') }])
    expect(of('provider gone')).toMatchObject([{ state: 'problem', detail: expect.stringContaining('cannot be reached') }])
  })
})
