// `beamclaw start` as a process: what keeps it from starting, and how it ends.
import { execFileSync, spawnSync } from 'node:child_process'
import { chmodSync, globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type ModelAnswer, type ModelServer, startModelServer } from '@beamclaw/testkit/model-server'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { logged, logLine } from '../testing/gateway-log.ts'
import { type GatewayProcess, startGateway } from '../testing/gateway-process.ts'
import { runCli } from '../testing/run-cli.ts'

const canMount = process.platform === 'linux' && process.getuid?.() === 0 && spawnSync('unshare', ['--mount', 'true']).status === 0
if (!canMount) console.log('skipped: starting on a disk without room needs the right to mount a tmpfs')

// Root may write everything, so root asks as another user, who must be able to read this program.
const other = process.getuid?.() === 0 ? { uid: 65_534 } : {}
const canBeRefused = process.platform !== 'win32' && spawnSync('cat', [fileURLToPath(import.meta.url)], other).status === 0

let folder: string
let model: ModelServer
let gateways: GatewayProcess[]
let answer: (name: string) => ModelAnswer | Promise<ModelAnswer>

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'beamclaw-start-'))
  answer = () => ({ text: 'fine' })
  model = await startModelServer({ answers: ({ body }) => answer((body as { readonly model: string }).model) })
  gateways = []
})

afterEach(async () => {
  for (const { child } of gateways) child.kill('SIGKILL')
  await Promise.all(gateways.map(({ exited }) => exited))
  await model.stop()
  rmSync(folder, { recursive: true, force: true })
})

async function start(more = '', environment: Readonly<Record<string, string>> = {}): Promise<GatewayProcess> {
  const file = join(folder, 'beamclaw.yaml')
  const providers = `providers: { local: { type: openai, apiKey: none, baseUrl: '${model.baseUrl}' } }`
  writeFileSync(file, `${providers}\nagents: { main: { model: local/first, fallbacks: [local/second] } }\n${more}\n`)
  const gateway = await startGateway(['--config', file, '--data-dir', join(folder, 'data')], environment)
  gateways.push(gateway)
  return gateway
}

interface Told {
  readonly status: number
  readonly text: string | undefined
  readonly code: string | undefined
}

async function ask(gateway: GatewayProcess, about: { readonly model?: string; readonly key?: string } = {}): Promise<Told> {
  const { model: name = 'beamclaw', key } = about
  const headers = key === undefined ? {} : { 'x-beamclaw-session-key': 'agent:main:first', 'idempotency-key': key }
  const response = await fetch(`${gateway.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify({ model: name, messages: [{ role: 'user', content: 'hello' }] }),
  })
  const body = (await response.json()) as {
    readonly choices?: readonly { readonly message: { readonly content: string } }[]
    readonly error?: { readonly code: string }
  }
  return { status: response.status, text: body.choices?.[0]?.message.content, code: body.error?.code }
}

describe('a start that cannot be', () => {
  const oneLine = /^beamclaw: [^\n]+ \([a-z-]+\)\n$/

  test('because the port is taken: one line, 1, and the data directory is free again', async () => {
    const first = await start()
    const { port } = new URL(first.url)
    const data = join(folder, 'other')
    const { code, errors } = await runCli(['start', '--port', port, '--data-dir', data, '--json'], { cwd: folder })
    expect(code).toBe(1)
    expect(errors).toMatch(oneLine)
    expect(errors).toContain(`port ${port} on 127.0.0.1 cannot be opened: another program listens there`)
    await startGateway(['--data-dir', data]).then((gateway) => gateways.push(gateway))
  })

  test('not at all while it may wait for the process that owns the data directory', async () => {
    const first = await start()
    const second = startGateway(['--data-dir', join(folder, 'data'), '--port', '0', '--lock-wait', '60'])
    first.child.kill('SIGTERM')
    gateways.push(await second)
  })

  test('because another process owns the data directory: its pid is named', async () => {
    const first = await start()
    const { code, errors } = await runCli(['start', '--port', '0', '--data-dir', join(folder, 'data')], { cwd: folder })
    expect(code).toBe(1)
    expect(errors).toMatch(oneLine)
    expect(errors).toContain(`is in use by process ${first.child.pid}`)
    expect(await ask(first)).toMatchObject({ status: 200 })
  })

  test('because the data directory cannot be made', async () => {
    writeFileSync(join(folder, 'file'), '')
    const { code, errors } = await runCli(['start', '--port', '0', '--data-dir', join(folder, 'file', 'data')], { cwd: folder })
    expect(code).toBe(1)
    expect(errors).toMatch(oneLine)
    expect(errors).toContain(
      `${join(folder, 'file', 'data')} cannot be written (ENOTDIR); let this user write there, or name another directory`,
    )
  })

  test.skipIf(!canBeRefused)('because the data directory may not be written, with what doctor says', async () => {
    const data = join(folder, 'data')
    mkdirSync(data, { mode: 0o555 })
    chmodSync(folder, 0o755)
    const { code, errors } = await runCli(['start', '--port', '0', '--data-dir', data], { cwd: folder, ...other })
    expect({ code, errors }).toEqual({
      code: 1,
      errors: `beamclaw: ${data} cannot be written (EACCES); let this user write there, or name another directory with --data-dir (store-io)\n`,
    })
  })

  test.skipIf(!canMount)('because the disk is full', async () => {
    const disk = join(folder, 'disk')
    mkdirSync(disk)
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', disk])
    try {
      spawnSync('dd', ['if=/dev/zero', `of=${join(disk, 'ballast')}`])
      const { code, errors } = await runCli(['start', '--port', '0', '--data-dir', join(disk, 'data')], { cwd: folder })
      expect(code).toBe(1)
      expect(errors).toMatch(oneLine)
      expect(errors).toContain('No room')
    } finally {
      execFileSync('umount', [disk])
    }
  })

  test.each([
    [{ BEAMCLAW_PORT: 'many' }, [], 'BEAMCLAW_PORT: expected a whole number from 0 to 65535'],
    [{ BEAMCLAW_LOG_FORMAT: 'xml' }, [], 'BEAMCLAW_LOG_FORMAT: expected pretty or json'],
    [{}, ['--host', '0.0.0.0'], 'configuration: gateway.auth: expected mode "token", because others can reach the host "0.0.0.0"'],
  ])('because of what it was told: %j %j', async (environment, flags, problem) => {
    const { code, errors } = await runCli(['start', ...flags], { cwd: folder, environment })
    expect({ code, errors }).toEqual({ code: 2, errors: `beamclaw: ${problem}\n` })
  })
})

describe('a gateway in which more crashes than restarts can mend', () => {
  test('ends with 1 and says why, and the next one does what was accepted', async () => {
    const asked = Promise.withResolvers<void>()
    answer = () => {
      asked.resolve()
      return new Promise(() => {})
    }
    const gateway = await start('', { NODE_OPTIONS: `--import ${new URL('../testing/falling-tree.ts', import.meta.url)}` })
    const told = ask(gateway, { key: 'before' }).catch(() => undefined)
    await asked.promise
    expect(await gateway.exited).toBe(1)
    expect(logged(gateway, 'gateway.gave-up')).toMatchObject([
      { level: 'error', error: expect.stringMatching(/^Child ".*" of supervisor ".*" has to be restarted more than/) },
    ])
    expect(await told).not.toMatchObject({ status: 200 })
    answer = () => ({ text: 'after all' })
    expect(await ask(await start(), { key: 'before' })).toMatchObject({ status: 200, text: 'after all' })
  })
})

describe('a gateway that is told to end', () => {
  test('lets a run end first, gives its answer, and ends with 0', async () => {
    const [asked, held] = [Promise.withResolvers<void>(), Promise.withResolvers<ModelAnswer>()]
    answer = () => {
      asked.resolve()
      return held.promise
    }
    const gateway = await start()
    const told = ask(gateway, { key: 'before' })
    await asked.promise
    gateway.child.kill('SIGTERM')
    await logLine(gateway, 'gateway.draining')
    held.resolve({ text: 'in time' })
    expect(await told).toMatchObject({ status: 200, text: 'in time' })
    expect(await gateway.exited).toBe(0)
    expect(logged(gateway, 'gateway.stopped')).toHaveLength(1)
  })

  test('does not wait longer than it may, and the run goes on after the next start', async () => {
    const asked = Promise.withResolvers<void>()
    answer = () => {
      asked.resolve()
      return new Promise(() => {})
    }
    const first = await start('gateway: { drainMs: 1 }')
    const lost = ask(first, { key: 'cut-off' }).catch(() => undefined)
    await asked.promise
    first.child.kill('SIGTERM')
    expect(await first.exited).toBe(0)
    await lost
    answer = () => ({ text: 'after the restart' })
    const second = await start()
    expect(await logLine(second, 'sessions.resumed')).toMatchObject({ count: 1 })
    expect(await ask(second, { key: 'cut-off' })).toMatchObject({ status: 200, text: 'after the restart' })
  })

  test('ends with 1 and names what hung when the disk hangs, and the next one has what was accepted', async () => {
    const gateway = await start('', { NODE_OPTIONS: `--import ${new URL('../testing/hanging-disk.ts', import.meta.url)}` })
    expect(await ask(gateway, { key: 'before' })).toMatchObject({ status: 200, text: 'fine' })
    gateway.child.kill('SIGTERM')
    expect(await gateway.exited).toBe(1)
    expect(logged(gateway, 'gateway.stop-timeout')).toMatchObject([
      {
        level: 'error',
        reason: expect.stringMatching(/^stop: the tree did not end within 7000 ms; still under way: .*put of default\/index\./),
      },
    ])
    expect(logged(gateway, 'gateway.stopped')).toHaveLength(0)
    answer = () => ({ text: 'asked again' })
    expect(await ask(await start(), { key: 'before' })).toMatchObject({ status: 200, text: 'fine' })
  })

  test('ends at once when it is told again', async () => {
    const asked = Promise.withResolvers<void>()
    answer = () => {
      asked.resolve()
      return new Promise(() => {})
    }
    const gateway = await start('gateway: { drainMs: 3600000 }')
    const lost = ask(gateway, { key: 'impatient' }).catch(() => undefined)
    await asked.promise
    gateway.child.kill('SIGTERM')
    await logLine(gateway, 'gateway.draining')
    // Two signals within a moment are one key press, so it is told until it hears.
    const again = setInterval(() => gateway.child.kill('SIGTERM'), 50)
    expect(await gateway.exited).toBe(0)
    clearInterval(again)
    await lost
    expect(logged(gateway, 'gateway.stopped')).toHaveLength(0)
  })
})

describe('the models of a configuration', () => {
  test('fall back as their agent says, for the bare model too, and say so', async () => {
    answer = (name) => (name === 'first' ? { error: { status: 500 } } : { text: `this is ${name}` })
    const gateway = await start()
    expect(await ask(gateway, { key: 'one' })).toMatchObject({ status: 200, text: 'this is second' })
    expect(logged(gateway, 'provider.fallback')).toMatchObject([{ failed: 'local/first', code: 'provider-server', next: 'local/second' }])
    expect(await ask(gateway, { model: 'local/first' })).toMatchObject({ status: 200, text: 'this is second' })
    // The first one is left alone for a while.
    expect(model.requests.map(({ body }) => (body as { readonly model: string }).model)).toEqual(['first', 'second', 'second'])
  })

  test('are left alone by the circuit breaker after many failures', async () => {
    answer = () => ({ error: { status: 500 } })
    const gateway = await start()
    for (let call = 0; call < 6; call++) await ask(gateway, { model: 'local/third' })
    expect(await ask(gateway, { model: 'local/third' })).toMatchObject({ code: 'provider-overloaded' })
    expect(model.requests).toHaveLength(5)
    expect(logged(gateway, 'provider.circuit')).toMatchObject([{ provider: 'local', model: 'third', from: 'closed', to: 'open' }])
  })

  test('are counted with what they cost, on disk', async () => {
    answer = () => ({ text: 'fine', usage: { inputTokens: 1_000, outputTokens: 100 } })
    const gateway = await start('prices: { local/first: { input: 3, output: 15 } }')
    await ask(gateway, { key: 'one' })
    await ask(gateway, { model: 'local/first' })
    gateway.child.kill('SIGTERM')
    expect(await gateway.exited).toBe(0)
    const [file = ''] = globSync(join(folder, 'data/default/usage/*.json'))
    const { rows } = JSON.parse(readFileSync(file, 'utf8')).value
    // 1,000 × 3 and 100 × 15 millionths of a dollar, in billionths.
    const counts = { provider: 'local', model: 'first', requests: 1, costNanoUsd: (1_000 * 3 + 100 * 15) * 1_000 }
    expect(rows).toMatchObject([
      { agent: 'main', ...counts },
      { agent: 'none', ...counts },
    ])
  })

  test('are refused once a budget of the file is spent', async () => {
    answer = () => ({ text: 'fine' })
    const gateway = await start('budgets: { all: { provider: local, maxRequests: 1 } }')
    expect(await ask(gateway, { model: 'local/third' })).toMatchObject({ status: 200 })
    expect(await ask(gateway, { model: 'local/third' })).toMatchObject({ code: 'provider-billing' })
    expect(model.requests).toHaveLength(1)
  })

  test('have limits, which an edit of the file changes while calls wait', async () => {
    const held: PromiseWithResolvers<ModelAnswer>[] = []
    const begun = Promise.withResolvers<void>()
    answer = () => {
      const next = Promise.withResolvers<ModelAnswer>()
      held.push(next)
      if (held.length === 2) begun.resolve()
      return next.promise
    }
    const file = join(folder, 'limits.yaml')
    const text = (limit: number) =>
      `providers: { local: { type: openai, apiKey: none, baseUrl: '${model.baseUrl}', maxConcurrent: ${limit} } }\nagents: { main: { model: local/first } }\n`
    writeFileSync(file, text(1))
    const gateway = await startGateway(['--config', file, '--data-dir', join(folder, 'data')])
    gateways.push(gateway)
    const answers = [ask(gateway, { model: 'local/first' }), ask(gateway, { model: 'local/first' })]
    await expect.poll(() => held.length).toBe(1)
    writeFileSync(file, text(2))
    expect(await logLine(gateway, 'config.reloaded')).toMatchObject({ changed: 'providers.local' })
    await begun.promise
    for (const one of held) one.resolve({ text: 'fine' })
    expect(await Promise.all(answers)).toMatchObject([{ status: 200 }, { status: 200 }])
  })
})
