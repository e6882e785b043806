// `beamclaw mcp`, and servers of MCP in a configuration, each server a process of its own.
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { silentLogger } from '@beamclaw/core'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { AssembledBeamClaw } from '../assemble.ts'
import { loadConfig } from '../config/load.ts'
import { settingsFrom } from '../config/settings.ts'
import { runCli } from '../testing/run-cli.ts'

/** A server with one tool, as small as it can be. */
const program = `
import { createInterface } from 'node:readline'
const answers = {
  initialize: { protocolVersion: '2025-11-25', capabilities: { tools: {} }, serverInfo: { name: 'tiny', version: '1' } },
  'tools/call': { content: [{ type: 'text', text: 'Good day' }] },
  'tools/list': { tools: [{ name: 'greet', inputSchema: { type: 'object' } }, { name: 'bad', inputSchema: { type: 'object', $ref: 'http://x' } }] },
}
createInterface({ input: process.stdin }).on('line', (line) => {
  const { id, method } = JSON.parse(line)
  if (id === undefined) return
  const result = answers[method]
  console.log(JSON.stringify({ jsonrpc: '2.0', id, ...(result === undefined ? { error: { code: -32601, message: 'no' } } : { result }) }))
})
`

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'beamclaw-mcp-'))
  writeFileSync(join(folder, 'tiny.mjs'), program)
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const inFolder = (...args: readonly string[]) => runCli(args, { cwd: folder })
const configure = (agents = '{ main: { model: demo/echo } }', more = ''): void =>
  writeFileSync(
    join(folder, 'beamclaw.yaml'),
    `
providers: { demo: { type: demo } }
agents: ${agents}
store: { type: memory }
tools:
  mcp:
    tiny: { command: ${JSON.stringify(process.execPath)}, args: [${JSON.stringify(join(folder, 'tiny.mjs'))}] }
    gone: { command: /nonexistent/server, env: { TOKEN: very-secret } }
${more}`,
  )

describe('beamclaw mcp', () => {
  test('lists the servers with their tools', async () => {
    configure()
    const { code, output, errors } = await inFolder('mcp', 'list')
    expect([code, errors]).toEqual([0, ''])
    expect(output).toMatch(/tiny +ready +2025-11-25 +1\n/)
    expect(output).toMatch(/gone +not ready +- +0\n/)
    expect(output).toContain('mcp__tiny__greet\n  ! Tool "bad" is left out: its input schema has a reference that leads out of it')
    expect(output).toContain('MCP server "gone" is not available')
    expect(output).not.toContain('very-secret')
    expect(JSON.parse((await inFolder('mcp', 'list', '--json')).output)).toMatchObject({
      servers: [{ server: 'tiny', isReady: true }, { server: 'gone' }],
    })
  })

  test('tries one', async () => {
    configure()
    expect(await inFolder('mcp', 'test', 'tiny')).toMatchObject({
      code: 0,
      output: expect.stringMatching(/^tiny is ready: revision 2025-11-25, 1 tools, \d+ ms\n {2}mcp__tiny__greet\n/),
    })
    expect(await inFolder('mcp', 'test', 'gone')).toMatchObject({ code: 1, output: expect.stringContaining('gone is not ready') })
    expect(await inFolder('mcp', 'test', 'other')).toMatchObject({ code: 1, errors: expect.stringContaining('there are: tiny, gone') })
  })

  test('says that there are none', async () => {
    expect(await inFolder('mcp', 'list')).toMatchObject({ code: 0, output: 'The configuration names no servers of MCP (tools.mcp)\n' })
  })
})

describe('agents', () => {
  async function toolsOf(agents: string): Promise<Record<string, readonly string[]>> {
    configure(agents)
    const file = join(folder, 'beamclaw.yaml')
    const assembled = await AssembledBeamClaw.from(settingsFrom(loadConfig(file, {}), { environment: {} }), silentLogger, file, true)
    const running = await assembled.claw.start()
    try {
      return Object.fromEntries(running.agents.map(({ id, tools }) => [id, [...tools.keys()]]))
    } finally {
      await running.stop()
    }
  }

  test('have the tools of the servers that they name', async () => {
    const model = 'model: demo/echo'
    expect(
      await toolsOf(
        `{ one: { ${model}, tools: ['mcp:tiny'] }, all: { ${model}, tools: [mcp, 'mcp:tiny'] }, none: { ${model}, tools: ['mcp:gone'] } }`,
      ),
    ).toEqual({ one: ['mcp__tiny__greet'], all: ['mcp__tiny__greet'], none: [] })
  })

  test('get the tools of a server that comes after the gateway has started, and can use them', async () => {
    const [program, late] = [join(folder, 'tiny.mjs'), join(folder, 'late.mjs')]
    renameSync(program, late)
    configure("{ main: { model: demo/demo-1, tools: ['mcp:tiny'], askMode: 'off' } }")
    const file = join(folder, 'beamclaw.yaml')
    const assembled = await AssembledBeamClaw.from(settingsFrom(loadConfig(file, {}), { environment: {} }), silentLogger, file, true)
    await using claw = await assembled.claw.start()
    const stop = assembled.followTools(claw)
    expect(claw.agents[0]?.tools.size).toBe(0)
    renameSync(late, program)
    await vi.waitFor(() => expect([...(claw.agents[0]?.tools.keys() ?? [])]).toEqual(['mcp__tiny__greet']), { timeout: 30_000 })
    const { toolCalls } = await claw.session('agent:main:a').send('call mcp__tiny__greet').result()
    expect(JSON.stringify(toolCalls[0]?.result)).toContain('Good day')
    stop()
  })

  test.each([
    [
      "{ main: { model: demo/echo, tools: ['mcp:other'] } }",
      /beamclaw\.yaml:3: agents\.main\.tools\.0: there is no server "other" in tools\.mcp; known are tiny, gone/,
    ],
    [
      "{ main: { model: demo/echo, tools: ['mcpx'] } }",
      /agents\.main\.tools\.0: expected one of exec, files, web, browser, mcp, mcp:<server>/,
    ],
  ])('may not name others: %s', async (agents, problem) => {
    configure(agents)
    expect(await inFolder('config', 'check')).toMatchObject({ code: 2, errors: expect.stringMatching(problem) })
  })

  test.each([
    ['    both: { command: x, url: "http://x" }', /both/],
    ['    neither: {}', /neither/],
    ['    Big_Name: { command: x }', /a name that is 1 to 24 of a-z/],
  ])('cannot have a server such as %s', async (line, problem) => {
    configure(undefined, line)
    expect(await inFolder('config', 'check')).toMatchObject({ code: 2, errors: expect.stringMatching(problem) })
  })
})
