// Servers of the official SDK over stdio, as tools of agents in a BeamClaw.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { BeamClaw, silentLogger } from '@beamclaw/core'
import { ScriptedProvider } from '@beamclaw/core/testing'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { isRunning } from '../exec/testing/real-stage.ts'
import { McpServers } from './mcp-servers.ts'
import { hostileServer, mcpStage, Scratch, testServer } from './testing/mcp-stage.ts'

let scratch: Scratch
beforeEach(() => {
  scratch = new Scratch()
})
afterEach(() => scratch[Symbol.dispose]())

describe.each(['2025-11-25', '2026-07-28', 'auto'] as const)('a server of revision %s', (protocol) => {
  const server = () => testServer(scratch.path, { protocol })

  test('has tools that agents call', async () => {
    await using stage = await mcpStage({ test: server() })
    expect(stage.reports).toMatchObject([
      { server: 'test', isReady: true, protocol: protocol === 'auto' ? '2026-07-28' : protocol, problems: [] },
    ])
    expect(await stage.call('mcp__test__echo', { text: 'hello' })).toMatchObject({
      isError: false,
      text: expect.stringMatching(
        /^Everything between .* comes from the MCP server test\..*\n<untrusted-content id="\w+">\nYou said hello\n/,
      ),
    })
    expect(await stage.call('mcp__test__fail')).toMatchObject({ isError: true, text: expect.stringContaining('It did not work') })
    expect(await stage.call('mcp__test__sum')).toMatchObject({ isError: false, text: expect.stringContaining('"sum": 3') })
    const { parts } = await stage.call('mcp__test__picture')
    expect(parts.map((part) => (part.type === 'text' ? part.text.split('\n').slice(2, -1).join('|') : part.mediaType))).toEqual([
      'first',
      'image/png',
      'audio/wav',
      '[resource note://a]|of a resource||[resource note://b]',
    ])
  })

  test('has resources and prompts', async () => {
    await using stage = await mcpStage({ test: server() })
    expect((await stage.call('mcp__test__list_resources')).text).toContain('note://a A note')
    expect((await stage.call('mcp__test__read_resource', { uri: 'note://a' })).text).toContain('the note')
    expect(await stage.call('mcp__test__read_resource', { uri: 'note://none' })).toMatchObject({ isError: true })
    expect(await stage.mcp.prompts('test')).toEqual([
      { name: 'greet', description: 'Greets', arguments: [{ name: 'name', isRequired: true }] },
    ])
    expect(await stage.mcp.prompt('test', 'greet', { name: 'Ada' })).toEqual([{ role: 'user', text: 'Greet Ada' }])
  })

  test('hears of an abort, and reports progress', async () => {
    await using stage = await mcpStage({ test: server() })
    const { run, over, session } = stage.begin('mcp__test__hang')
    await scratch.until('hanging')
    await session.abort()
    await expect(run.result()).rejects.toMatchObject({ code: 'run-aborted' })
    await scratch.until('cancelled')
    over().catch(() => undefined)
    const progress: unknown[] = []
    stage.claw.on('tool-progress', ({ data }) => {
      progress.push(data)
      writeFileSync(join(scratch.path, 'seen'), '')
    })
    expect(await stage.call('mcp__test__steps')).toMatchObject({ isError: false })
    expect(progress).toEqual([{ progress: 1, total: 2, message: 'half' }])
  })

  test('tells when its tools have changed', async () => {
    await using stage = await mcpStage({ test: server() })
    const changed = Promise.withResolvers<string>()
    stage.mcp.onToolsChanged(changed.resolve)
    const before = stage.mcp.tools('test').length
    await stage.call('mcp__test__grow')
    expect(await changed.promise).toBe('test')
    expect(stage.mcp.tools('test')).toHaveLength(before + 1)
    stage.updateAgents()
    expect(await stage.call('mcp__test__grown')).toMatchObject({ isError: false, text: expect.stringContaining('new') })
  })
})

describe('a call', () => {
  test('carries a key of its own', async () => {
    await using stage = await mcpStage({ test: testServer(scratch.path) })
    await stage.call('mcp__test__key')
    await stage.call('mcp__test__key')
    const keys = scratch.text('keys').trim().split('\n')
    expect(keys).toEqual([expect.stringMatching(/^agent:main:call-1\/.+:1:0$/), expect.stringMatching(/^agent:main:call-2\/.+:1:0$/)])
  })

  test('asks first, unless the hints of its server are believed', () => {
    const risks = async (trustAnnotations: boolean) => {
      const mcp = new McpServers({ servers: { test: testServer(scratch.path, { trustAnnotations }) } })
      await mcp.discover()
      return Object.fromEntries(
        mcp.tools('test').map(({ declaration, risk, idempotent }) => [declaration.name.slice(11), [risk, idempotent]]),
      )
    }
    return Promise.all([
      expect(risks(false)).resolves.toMatchObject({ echo: ['high', false], crash: ['high', false], read_resource: ['high', true] }),
      expect(risks(true)).resolves.toMatchObject({
        echo: ['low', true],
        crash: ['high', true],
        who: ['high', false],
        read_resource: ['low', true],
      }),
    ])
  })

  test('shows the person who decides the server, the tool and the input', async () => {
    await using stage = await mcpStage({ test: testServer(scratch.path) }, { askMode: 'always' })
    const asked = Promise.withResolvers<{ readonly id: string; readonly display: string }>()
    stage.claw.on('approval-request', ({ request }) => asked.resolve(request))
    const { over } = stage.begin('mcp__test__echo', { text: 'x' })
    const { id, display } = await asked.promise
    expect(display).toBe('echo of the MCP server test\n{\n  "text": "x"\n}')
    await stage.claw.approvals.approve(id, { by: 'ada' })
    expect((await over()).text).toContain('You said x')
  })

  test('gives the server nothing of the environment but what is configured', async () => {
    vi.stubEnv('MODEL_SERVICE_KEY', 'secret')
    await using stage = await mcpStage({ test: testServer(scratch.path, { env: { TOKEN: 'given' } }) })
    vi.unstubAllEnvs()
    const { text } = await stage.call('mcp__test__who')
    const { env } = JSON.parse(text.split('\n')[2] ?? '') as { env: Record<string, string> }
    expect(env).toMatchObject({ TOKEN: 'given', PATH: process.env.PATH })
    expect(env).not.toHaveProperty('MODEL_SERVICE_KEY')
  })

  test('that takes too long fails, and the next one does not', async () => {
    await using stage = await mcpStage({ test: testServer(scratch.path) }, { callTimeoutMs: 2_000 })
    const { isError, text } = await stage.call('mcp__test__hang')
    expect([isError, text]).toEqual([true, expect.stringContaining('did not respond within 2000 ms')])
    await scratch.until('cancelled')
    expect((await stage.call('mcp__test__echo', { text: 'b' })).text).toContain('You said b')
  })
})

describe('a server that dies', () => {
  test('in a call fails that call alone, which is not sent again', async () => {
    await using stage = await mcpStage({ test: testServer(scratch.path) })
    const { isError, text } = await stage.call('mcp__test__crash')
    expect([isError, text]).toEqual([
      true,
      expect.stringMatching(/ended before it responded: its process ended with status 7\..* not known\./),
    ])
    expect(scratch.text('crashes').trim().split('\n')).toHaveLength(1)
    expect((await stage.call('mcp__test__echo', { text: 'b' })).text).toContain('You said b')
  })

  test('gets the call anew, with the same key, where a trusted server says that it may', async () => {
    await using stage = await mcpStage({ test: testServer(scratch.path, { trustAnnotations: true }) })
    expect(await stage.call('mcp__test__crash')).toMatchObject({ isError: true })
    const keys = scratch.text('crashes').trim().split('\n')
    expect(keys.length).toBeGreaterThan(1)
    expect(new Set(keys)).toEqual(new Set([expect.stringMatching(/^agent:main:call-1\//)]))
  })

  test('by SIGKILL is started again', async () => {
    await using stage = await mcpStage({ test: testServer(scratch.path) })
    const { over } = stage.begin('mcp__test__hang')
    process.kill(Number(await scratch.until('hanging')), 'SIGKILL')
    expect(await over()).toMatchObject({ isError: true, text: expect.stringContaining('its process was ended by SIGKILL') })
    expect((await stage.call('mcp__test__echo', { text: 'b' })).text).toContain('You said b')
  })

  test('again and again leaves the BeamClaw and the other servers alone', async () => {
    await using stage = await mcpStage({ test: testServer(scratch.path), other: testServer(scratch.path) })
    for (let round = 0; round < 5; round++) expect(await stage.call('mcp__test__crash')).toMatchObject({ isError: true })
    expect((await stage.call('mcp__other__echo', { text: 'b' })).text).toContain('You said b')
  })

  test('with the BeamClaw leaves no process', async () => {
    const stage = await mcpStage({ test: testServer(scratch.path) })
    await stage.call('mcp__test__echo')
    const running = scratch.pids().filter(isRunning)
    expect(running).toHaveLength(1)
    await stage.claw.stop()
    expect(scratch.pids().filter(isRunning)).toEqual([])
  })

  test('with a BeamClaw that is killed leaves no process', async () => {
    const stage = await mcpStage({ test: testServer(scratch.path) })
    stage
      .begin('mcp__test__hang')
      .run.result()
      .catch(() => undefined)
    await scratch.until('hanging')
    stage.claw.kill()
    await vi.waitFor(() => expect(scratch.pids().filter(isRunning)).toEqual([]), { timeout: 10_000 })
  })
})

test('a host that is killed leaves no process of a server', async () => {
  const client = fileURLToPath(new URL('./testing/doomed-client.ts', import.meta.url))
  const host = spawn(process.execPath, ['--conditions=beamclaw:source', client, scratch.path], { stdio: ['ignore', 'pipe', 'inherit'] })
  await once(host.stdout, 'data')
  expect(scratch.pids().filter(isRunning)).toHaveLength(1)
  host.kill('SIGKILL')
  await vi.waitFor(() => expect(scratch.pids().filter(isRunning)).toEqual([]), { timeout: 10_000 })
})

describe('tenants', () => {
  test('have processes of their own, from their first call on', async () => {
    await using stage = await mcpStage({ test: testServer(scratch.path) }, { tenants: ['acme', 'umbrella'] })
    const before = scratch.pids().length
    const pidOf = async (tenant: string): Promise<unknown> => {
      const { text } = await stage.call('mcp__test__who', {}, tenant)
      return (JSON.parse(text.split('\n')[2] ?? '') as { pid: unknown }).pid
    }
    expect(scratch.pids().filter(isRunning)).toEqual([])
    const [first, second, again] = [await pidOf('acme'), await pidOf('umbrella'), await pidOf('acme')]
    expect(first).toBe(again)
    expect(first).not.toBe(second)
    expect(scratch.pids()).toHaveLength(before + 2)
  })

  test('that a server fails in do not harm another', async () => {
    await using stage = await mcpStage({ test: testServer(scratch.path) }, { tenants: ['acme', 'umbrella'] })
    await stage.call('mcp__test__echo', {}, 'umbrella')
    const before = scratch.pids()
    await stage.call('mcp__test__crash', {}, 'acme')
    await stage.call('mcp__test__echo', {}, 'umbrella')
    expect(scratch.pids().filter((pid) => before.includes(pid) && isRunning(pid))).toHaveLength(1)
  })
})

describe('a server that is not there', () => {
  test('keeps nothing else from its tools, and may come later', async () => {
    const missing = { command: '/nonexistent/server' }
    await using stage = await mcpStage({ missing, test: testServer(scratch.path) })
    expect(stage.reports).toMatchObject([
      { server: 'missing', isReady: false, tools: [], problems: [expect.stringContaining('/nonexistent/server')] },
      { server: 'test', isReady: true },
    ])
    expect(stage.mcp.tools('missing')).toEqual([])
    expect((await stage.call('mcp__test__echo', { text: 'b' })).text).toContain('You said b')
    await expect(stage.mcp.prompts('missing')).rejects.toMatchObject({ code: 'mcp-unavailable', isRetryable: true })
  })

  test('is told to who uses its tools without the part', async () => {
    const mcp = new McpServers({ servers: { test: hostileServer('plain') } })
    await mcp.discover()
    await expect(mcp.prompts('test')).rejects.toMatchObject({ code: 'mcp-unavailable', message: expect.stringContaining('parts') })
  })

  test('cannot be in two', async () => {
    const mcp = new McpServers({ servers: {} })
    const options = { providers: { test: new ScriptedProvider() }, agents: [], parts: [mcp], services: { logger: silentLogger } }
    await using _first = await new BeamClaw(options).start()
    await expect(new BeamClaw(options).start()).rejects.toMatchObject({ code: 'child-start-failed' })
  })
})

test('a server without a program and without an address asks for either', () => {
  expect(() => new McpServers({ servers: { bare: {} as never } })).toThrow(
    /server "bare": option "command", .* or option "url", .* is required/,
  )
})
