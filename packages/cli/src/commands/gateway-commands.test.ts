// The commands that talk to a gateway: a real one, with a real model server behind it, each side in a process of its own.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { type AddressInfo, createServer as createTcpServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type ModelAnswer, type ModelServer, startModelServer } from '@beamclaw/testkit/model-server'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type GatewayProcess, startGateway } from '../testing/gateway-process.ts'
import { type CliOptions, CliProcess, jsonLines, runCli } from '../testing/run-cli.ts'

const token = 'a-token-for-tests'
const canHaveTerminal = process.platform === 'linux' && spawnSync('script', ['--version']).status === 0
let folder: string
let file: string
let model: ModelServer
let gateway: GatewayProcess
let answer: () => ModelAnswer | Promise<ModelAnswer>

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'beamclaw-talk-'))
  file = join(folder, 'beamclaw.yaml')
  model = await startModelServer({ answers: () => answer() })
  const text = `providers: { local: { type: openai, apiKey: none, baseUrl: '${model.baseUrl}' } }
agents: { main: { model: local/scripted-1 }, other: { model: local/scripted-2 } }
gateway: { auth: { mode: token, token: ${token} } }\n`
  writeFileSync(file, text)
  gateway = await startGateway(['--config', file, '--data-dir', join(folder, 'data')])
})

beforeEach(() => {
  answer = () => ({ text: 'It is fine.' })
})

afterAll(async () => {
  gateway.child.kill('SIGKILL')
  await gateway.exited
  await model.stop()
  rmSync(folder, { recursive: true, force: true })
})

/** As a user with these environment variables. */
function talk(args: readonly string[], options: CliOptions = {}) {
  const environment = { BEAMCLAW_URL: gateway.url, BEAMCLAW_GATEWAY_TOKEN: token, ...options.environment }
  return runCli(args, { cwd: folder, ...options, environment })
}

function begin(args: readonly string[]): CliProcess {
  return new CliProcess(args, { cwd: folder, environment: { BEAMCLAW_URL: gateway.url, BEAMCLAW_GATEWAY_TOKEN: token } })
}

describe('status, agents and models', () => {
  test('tell people', async () => {
    const status = await talk(['status'])
    expect(status).toMatchObject({ code: 0, errors: '' })
    expect(status.output).toMatch(/^state +ready$/m)
    expect(status.output).toMatch(/^sessions +0 in memory at this gateway$/m)
    expect(status.output).toMatch(/^agents +main \(local\/scripted-1\), other \(local\/scripted-2\)$/m)
    expect((await talk(['agents'])).output).toBe(
      'AGENT  MODEL             DEFAULT\nmain   local/scripted-1  yes\nother  local/scripted-2\n',
    )
    const models = (await talk(['models'])).output
    expect(models).toMatch(/^beamclaw\/main +agent$/m)
    expect(models).toMatch(/^local\/scripted-1 +model$/m)
  })

  test('tell programs', async () => {
    expect(jsonLines(await talk(['status', '--json']))).toMatchObject([{ url: gateway.url, readiness: 'ready', connections: 1 }])
    expect((await talk(['cluster'])).output).toMatch(/^NODE .*\nsolo \* +up .*\n1 up; the load of the last five minutes asks for 1\n$/)
    expect(jsonLines(await talk(['cluster', 'status', '--json']))).toMatchObject([
      { desiredNodes: 1, nodes: [{ id: 'solo', isSelf: true }] },
    ])
    expect(await talk(['cluster', 'drain', 'elsewhere'])).toMatchObject({
      code: 1,
      errors: 'beamclaw: There is no node "elsewhere"; the nodes are solo (unknown-node)\n',
    })
    expect(await talk(['cluster', 'drain', 'solo'])).toMatchObject({ code: 1, errors: expect.stringContaining('No node but "solo"') })
    expect(jsonLines(await talk(['agents', '--json']))).toMatchObject([{ defaultId: 'main', agents: [{ id: 'main' }, { id: 'other' }] }])
    const [models] = jsonLines(await talk(['models', '--json']))
    expect(models?.models).toEqual(expect.arrayContaining(['beamclaw/main', 'local/scripted-1']))
  })
})

describe('the gateway and its token', () => {
  const unset = { BEAMCLAW_URL: '', BEAMCLAW_GATEWAY_TOKEN: '' }

  test('come from flags before the environment', async () => {
    const environment = { BEAMCLAW_URL: 'http://127.0.0.1:1', BEAMCLAW_GATEWAY_TOKEN: 'another-token' }
    expect((await talk(['status', '--url', gateway.url, '--token', token], { environment })).code).toBe(0)
  })

  test('come from the configuration file where nobody names one', async () => {
    const port = new URL(gateway.url).port
    const other = join(folder, 'client.yaml')
    // What else is wrong with it does not matter here.
    writeFileSync(other, `gateway: { port: ${port}, auth: { mode: token, token: ${token} } }\nproviders: { x: { apiKey: \${NOT_SET} } }\n`)
    expect(await talk(['status', '--config', other], { environment: unset })).toMatchObject({ code: 0, errors: '' })
  })

  test('the token of the file goes to its own gateway, also where its address is named', async () => {
    const other = join(folder, 'own.yaml')
    writeFileSync(other, `gateway: { port: ${new URL(gateway.url).port}, auth: { mode: token, token: ${token} } }\n`)
    expect(await talk(['status', '--config', other, '--url', `${gateway.url}/`], { environment: unset })).toMatchObject({
      code: 0,
      errors: '',
    })
  })

  test('the token of the file goes to nobody but the gateway of the file', async () => {
    const seen: unknown[] = []
    const stranger = createServer((request, response) => {
      seen.push(request.headers.authorization)
      response.end('{"status":"ok","version":"1"}')
    }).listen(0, '127.0.0.1')
    await new Promise((resolve) => stranger.once('listening', resolve))
    const url = `http://127.0.0.1:${(stranger.address() as AddressInfo).port}`
    const { code } = await talk(['models', '--url', url, '--config', file], { environment: unset })
    stranger.close()
    expect(code).toBe(1)
    expect(seen).toEqual([undefined, undefined])
  })

  test.each([
    ['no token', [], 'DEVICE_IDENTITY_REQUIRED'],
    ['a wrong token', ['--token', 'a-wrong-token'], 'AUTH_TOKEN_MISMATCH'],
  ])('%s is refused with what to do', async (_, args, code) => {
    const environment = { BEAMCLAW_GATEWAY_TOKEN: '' }
    const outcome = await talk(['status', '--json', ...args], { environment })
    expect(outcome.code).toBe(1)
    expect(jsonLines(outcome)).toEqual([{ type: 'error', error: { code, message: expect.stringContaining('BEAMCLAW_GATEWAY_TOKEN') } }])
    expect(outcome.errors.split('\n')).toHaveLength(2)
    expect((await talk(['models', ...args], { environment })).errors).toContain('BEAMCLAW_GATEWAY_TOKEN')
  })

  test('nobody there: one line that says how to start one', async () => {
    const closed = createTcpServer().listen(0, '127.0.0.1')
    await new Promise((resolve) => closed.once('listening', resolve))
    const url = `http://127.0.0.1:${(closed.address() as AddressInfo).port}`
    await new Promise((resolve) => closed.close(resolve))
    for (const command of [['status'], ['send', 'hello'], ['models'], ['sessions'], ['agents'], ['history', 'main']]) {
      expect(await talk([...command, '--url', url])).toEqual({
        code: 1,
        output: '',
        errors: `beamclaw: No gateway is running at ${url}; start one with: beamclaw start (not-running)\n`,
      })
    }
  })

  test('somebody else there is told apart', async () => {
    const { code, errors } = await talk(['status', '--url', model.url])
    expect({ code, errors }).toEqual({ code: 1, errors: `beamclaw: What listens at ${model.url} is no BeamClaw gateway (not-a-gateway)\n` })
  })

  test.each(['nonsense', 'ftp://host', 'http://me:secret@host', 'http://host?token=secret'])(
    'an address that is none is wrong usage: %s',
    async (url) => {
      const { code, errors } = await talk(['status', '--url', url])
      expect({ code, errors }).toEqual({
        code: 2,
        errors: 'beamclaw: --url: expected an address as http://host:port, without a user name or a query\n',
      })
    },
  )
})

describe('send', () => {
  test('prints the answer, and keeps the conversation', async () => {
    answer = () => ({ text: ['one ', 'two'] })
    expect(await talk(['send', '--session', 'count', 'hello'])).toEqual({ code: 0, output: 'one two\n', errors: '' })
    const sessions = await talk(['sessions'])
    expect(sessions.output).toMatch(/^agent:main:count +\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/m)
    const history = await talk(['history', 'agent:main:count'])
    expect(history.output).toMatch(/ user\n {2}hello\n[^\n]* assistant\n {2}one two\n$/)
    expect(jsonLines(await talk(['history', 'count', '--json']))).toMatchObject([{ total: 2, runs: [] }])
  })

  test('reads from standard input, and asks the agent that is named', async () => {
    const outcome = await talk(['send', '--agent', 'other', '--json', '-'], { input: 'from a pipe\n' })
    const lines = jsonLines(outcome)
    expect(lines[0]).toMatchObject({ type: 'accepted', sessionKey: 'agent:other:main' })
    expect(lines.at(-1)).toMatchObject({ type: 'end', text: 'It is fine.', usage: { input: 10, output: 5 } })
    expect(
      lines
        .filter(({ type, state }) => type === 'chat' && state === 'delta')
        .map(({ deltaText }) => deltaText)
        .join(''),
    ).toBe('It is fine.')
    expect(JSON.stringify(model.requests.at(-1)?.body)).toContain('from a pipe')
  })

  test('asks the model once for a key, however often it is repeated', async () => {
    const before = model.requests.length
    const once = ['send', '--session', 'once', '--idempotency-key', 'only-once', 'hello']
    expect((await talk(once)).output).toBe('It is fine.\n')
    expect(await talk(once)).toEqual({ code: 0, output: 'It is fine.\n', errors: '' })
    expect(model.requests.length).toBe(before + 1)
  })

  test('ends with 1 and the code of a run that fails', async () => {
    answer = () => ({ error: { status: 401 } })
    const outcome = await talk(['send', '--session', 'failing', '--json', 'hello'])
    expect(outcome.code).toBe(1)
    expect(jsonLines(outcome).at(-1)).toMatchObject({ type: 'error', error: { code: 'provider-auth' } })
    expect(outcome.errors).toMatch(/^beamclaw: [^\n]+ \(provider-auth\)\n$/)
    expect((await talk(['history', 'failing'])).output).toMatch(/\n {2}\[failed: [^\n]+ \(provider-auth\)\]\n$/)
  })

  test.each([
    [['send', ''], 2, 'message: expected a text'],
    [['send', '--agent', 'nobody', 'hello'], 1, '(unknown-agent)'],
    [['send', '--session', 'a b', 'hello'], 1, '(invalid-'],
    [['sessions', '--limit', '0'], 2, '--limit: expected a whole number from 1 to 1000'],
    [['history', 'x', '--limit', 'many'], 2, '--limit: expected a whole number from 1 to 1000'],
  ])('what makes no sense is refused: %j', async (args, code, text) => {
    const outcome = await talk(args)
    expect(outcome.code).toBe(code)
    expect(outcome.errors).toContain(text)
    expect(outcome.output).toBe('')
  })

  test('lets no answer steer the terminal', async () => {
    answer = () => ({ text: ['\u001b]0;owned\u0007red \u001b[31m', '\u009b2Jend'] })
    expect((await talk(['send', '--session', 'steer', 'hello'])).output).toBe(']0;ownedred [31m2Jend\n')
    expect((await talk(['history', 'steer'])).output).toMatch(/\n {2}\]0;ownedred \[31m2Jend\n$/)
  })

  test('aborts the run on Ctrl-C, and keeps what was said', async () => {
    answer = () => ({ text: ['first ', 'second'], delivery: { stall: 2 } })
    const sending = begin(['send', '--session', 'aborted', 'hello'])
    await sending.printed('first')
    sending.child.kill('SIGINT')
    const { code, output, errors } = await sending.outcome
    expect({ code, output }).toEqual({ code: 1, output: 'first \n' })
    expect(errors).toMatch(/\(run-aborted\)\n$/)
    await model.idle()
    expect(jsonLines(await talk(['history', 'aborted', '--json']))).toMatchObject([{ runs: [], unanswered: [{ outcome: 'aborted' }] }])
    expect((await talk(['history', 'aborted'])).output).toMatch(/ user\n {2}hello\n {2}\[aborted\]\n$/)
  })

  test.skipIf(!canHaveTerminal)('shows a conversation wrapped and indented on a terminal', async () => {
    answer = () => ({ text: `${'word '.repeat(40)}end` })
    await talk(['send', '--session', 'wide', 'hello'])
    const env = {
      PATH: process.env.PATH ?? '',
      HOME: '/nonexistent',
      BEAMCLAW_URL: gateway.url,
      BEAMCLAW_GATEWAY_TOKEN: token,
      NO_COLOR: '1',
    }
    const bin = fileURLToPath(new URL('../bin.ts', import.meta.url))
    const command = `stty cols 40; '${process.execPath}' --conditions=beamclaw:source '${bin}' history wide`
    const { stdout } = spawnSync('script', ['-qec', command, '/dev/null'], { cwd: folder, env, encoding: 'utf8' })
    const lines = stdout.split(/\r?\n/).filter((line) => line.includes('word'))
    expect(lines.length).toBeGreaterThan(4)
    for (const line of lines) expect(line).toMatch(/^ {2}word.{0,34}$/)
  })

  test('tells sessions of an agent that has none from those of one that there is not', async () => {
    expect(await talk(['sessions', '--agent', 'nobody'])).toEqual({
      code: 1,
      output: '',
      errors: 'beamclaw: There is no agent "nobody"; known are main, other (unknown-agent)\n',
    })
    expect((await talk(['sessions', '--agent', 'other', '--active', '1'])).code).toBe(0)
  })

  test('two at once each get their own answer', async () => {
    let calls = 0
    answer = () => ({ text: `answer ${++calls}` })
    const outcomes = await Promise.all([talk(['send', '--session', 'same', 'a']), talk(['send', '--session', 'same', 'b'])])
    expect(outcomes.map(({ output }) => output).toSorted()).toEqual(['answer 1\n', 'answer 2\n'])
  })
})

describe('a gateway that dies in the middle of an answer', () => {
  let second: GatewayProcess | undefined

  afterEach(async () => {
    second?.child.kill('SIGKILL')
    await second?.exited
  })

  test('is told, with the way to the answer, which comes after the restart', async () => {
    const data = join(folder, 'data-of-the-second')
    second = await startGateway(['--config', file, '--data-dir', data])
    answer = () => ({ text: ['first ', 'second'], delivery: { stall: 2 } })
    const environment = { BEAMCLAW_URL: second.url, BEAMCLAW_GATEWAY_TOKEN: token }
    const sending = new CliProcess(['send', '--idempotency-key', 'lost', 'hello'], { cwd: folder, environment })
    await sending.printed('first')
    second.child.kill('SIGKILL')
    const { code, errors } = await sending.outcome
    expect(code).toBe(1)
    expect(errors).toMatch(
      /^beamclaw: The connection to the gateway was lost[^\n]+--idempotency-key lost for its answer \(connection-lost\)\n$/,
    )

    answer = () => ({ text: 'after the restart' })
    await second.exited
    second = await startGateway(['--config', file, '--data-dir', data])
    const again = await runCli(['send', '--idempotency-key', 'lost', 'hello'], {
      cwd: folder,
      environment: { ...environment, BEAMCLAW_URL: second.url },
    })
    expect(again).toEqual({ code: 0, output: 'after the restart\n', errors: '' })
  })
})
