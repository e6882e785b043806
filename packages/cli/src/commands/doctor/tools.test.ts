// What `doctor` and the start say of tools that cannot work on this machine.
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import type { Logger } from '@beamclaw/core'
import { afterAll, describe, expect, test } from 'vitest'
import { AssembledBeamClaw } from '../../assemble.ts'
import { parseConfig } from '../../config/load.ts'
import { type Settings, settingsFrom } from '../../config/settings.ts'
import { jsonLines, runCli } from '../../testing/run-cli.ts'
import { checkTools } from './tools.ts'

const folder = mkdtempSync(join(tmpdir(), 'beamclaw-doctor-tools-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

// No image has this digest.
const image = `debian@sha256:${'0'.repeat(64)}`
const basis = 'providers: { demo: { type: demo } }\nstore: { type: memory }\n'

function settingsOf(tools: string, agentTools: string): Settings {
  const text = `${basis}agents: { main: { model: demo/demo-1, tools: ${agentTools} } }\ntools: ${tools}\n`
  return settingsFrom(parseConfig(text, {}), { environment: {} })
}

const program = `
process.stdin.setEncoding('utf8').on('data', (text) => {
  for (const line of text.trim().split('\\n')) {
    const { id, method } = JSON.parse(line)
    const results = {
      initialize: { protocolVersion: '2025-11-25', capabilities: { tools: {} }, serverInfo: { name: 'tiny', version: '1' } },
      'tools/list': { tools: [{ name: 'greet', inputSchema: { type: 'object' } }] },
    }
    const end = method in results ? { result: results[method] } : { error: { code: -32601, message: 'no' } }
    if (id !== undefined) console.log(JSON.stringify({ jsonrpc: '2.0', id, ...end }))
  }
})
`

describe('the sandbox of exec', () => {
  test('that is named and does not work is a problem, with the reason', async () => {
    expect(await checkTools(settingsOf(`{ exec: { sandbox: docker, image: "${image}" } }`, '[exec]'), false)).toMatchObject([
      { name: 'sandbox', state: 'problem', detail: expect.stringMatching(/^docker does not work: \S/), advice: expect.any(String) },
    ])
  })

  test.each([
    ['local', /^local, which enforces /],
    ['deny', /^commands are turned off/],
  ])('%s works as it is meant to', async (sandbox, detail) => {
    expect(await checkTools(settingsOf(`{ exec: { sandbox: ${sandbox} } }`, '[exec]'), false)).toMatchObject([
      { name: 'sandbox', state: 'ok', detail: expect.stringMatching(detail) },
    ])
  })

  test('is looked at for agents that have exec alone', async () => {
    expect(await checkTools(settingsOf(`{ exec: { sandbox: docker, image: "${image}" } }`, '[files]'), false)).toEqual([])
  })

  test('that an option spoils is told with the place of the option', async () => {
    expect(await checkTools(settingsOf('{ exec: { sandbox: docker, image: debian } }', '[exec]'), false)).toMatchObject([
      { name: 'sandbox', state: 'problem', advice: 'correct tools.exec.image' },
    ])
  })
})

test('Chromium is looked for where an agent has the browser', async () => {
  expect(await checkTools(settingsOf(`{ browser: { executablePath: ${process.execPath} } }`, '[browser]'), false)).toMatchObject([
    { name: 'browser', state: 'ok', detail: process.execPath },
  ])
  expect(await checkTools(settingsOf('{ browser: { executablePath: /nonexistent/chromium } }', '[browser]'), false)).toMatchObject([
    { name: 'browser', state: 'problem', detail: expect.stringContaining('is not a program') },
  ])
  expect(await checkTools(settingsOf('{ browser: { executablePath: /nonexistent/chromium } }', '[]'), false)).toEqual([])
})

test('servers of MCP are connected with --online alone', async () => {
  writeFileSync(join(folder, 'tiny.mjs'), program)
  const servers = `tiny: { command: ${process.execPath}, args: ["${join(folder, 'tiny.mjs')}"] }, gone: { command: /nonexistent/server }`
  const settings = settingsOf(`{ mcp: { ${servers} } }`, '[]')
  expect(await checkTools(settings, false)).toMatchObject([
    { name: 'mcp tiny', state: 'ok', detail: 'is configured (--online connects it)' },
    { name: 'mcp gone', state: 'ok' },
  ])
  expect(await checkTools(settings, true)).toMatchObject([
    { name: 'mcp tiny', state: 'ok', detail: expect.stringMatching(/^is ready: revision 2025-11-25, 1 tools, \d+ ms$/) },
    { name: 'mcp gone', state: 'problem', detail: expect.stringContaining('not available') },
  ])
})

test('the command has these findings, also for programs', async () => {
  const file = join(folder, 'beamclaw.yaml')
  const tools = `{ exec: { sandbox: local }, browser: { executablePath: ${process.execPath} }, mcp: { gone: { command: /nonexistent/server } } }`
  writeFileSync(
    file,
    `${basis}gateway: { port: 0 }\nagents: { main: { model: demo/demo-1, tools: [exec, browser, mcp] } }\ntools: ${tools}\n`,
  )
  const outcome = await runCli(['doctor', '--json', '--online', '--config', file])
  const [report] = jsonLines(outcome)
  expect(report).toMatchObject({
    findings: expect.arrayContaining([
      expect.objectContaining({ name: 'sandbox', state: 'ok' }),
      expect.objectContaining({ name: 'browser', state: 'ok' }),
      expect.objectContaining({ name: 'mcp gone', state: 'problem' }),
    ]),
  })
  expect(outcome.code).toBe(1)
})

describe('the start', () => {
  async function warningsOf(settings: Settings): Promise<readonly (readonly [string, unknown])[]> {
    const warnings: [string, unknown][] = []
    const logger: Logger = { log: (level, event, fields) => void (level === 'warn' && warnings.push([event, fields])) }
    await AssembledBeamClaw.from(settings, logger, undefined, true)
    return warnings
  }

  test('warns of a named sandbox that does not work, and of a missing Chromium', async () => {
    const tools = `{ exec: { sandbox: docker, image: "${image}" }, browser: { executablePath: /nonexistent/chromium } }`
    expect(await warningsOf(settingsOf(tools, '[exec, browser]'))).toEqual([
      ['tools.no-sandbox', { sandbox: 'docker', reason: expect.any(String) }],
      ['tools.no-browser', { reason: expect.stringContaining('is not a program') }],
    ])
  })

  test('warns of files that stay behind when a conversation goes on at another machine', async () => {
    const overRedis = (tools: string, agentTools: string, store = '{ type: redis }'): Settings =>
      settingsFrom(
        parseConfig(
          `store: ${store}\nagents: { main: { model: demo/demo-1, tools: ${agentTools} } }\ntools: ${tools}\nproviders: { demo: { type: demo } }`,
          {},
        ),
        { environment: {} },
      )
    const advice = expect.stringContaining('tools.workspace')
    for (const group of ['exec', 'files', 'browser']) {
      const settings = overRedis(`{ exec: { sandbox: local }, browser: { executablePath: ${process.execPath} } }`, `[${group}]`)
      expect(await warningsOf(settings)).toEqual([['tools.workspace-not-shared', { path: resolve('workspaces'), advice }]])
      expect(await checkTools(settings, false)).toContainEqual(expect.objectContaining({ name: 'workspace', state: 'warning', advice }))
    }
    for (const settings of [
      overRedis('{ workspace: /srv/shared }', '[files]'),
      overRedis('{}', '[web]'),
      overRedis('{}', '[files]', '{ type: fs, path: d }'),
    ]) {
      expect(await warningsOf(settings)).toEqual([])
      expect(await checkTools(settings, false)).toEqual([])
    }
  })

  test('says nothing of what works, what no agent has, and what is turned off on purpose', async () => {
    expect(await warningsOf(settingsOf('{ exec: { sandbox: local } }', '[exec]'))).toEqual([])
    const tools = '{ exec: { sandbox: deny }, browser: { executablePath: /nonexistent/chromium } }'
    expect(await warningsOf(settingsOf(tools, '[exec]'))).toEqual([])
  })
})

test('config check refuses a path of Chromium that is no file', async () => {
  const file = join(folder, 'path.yaml')
  const check = (path: string) => {
    writeFileSync(file, `${basis}agents: { main: { model: demo/demo-1 } }\ntools:\n  browser:\n    executablePath: ${path}\n`)
    return runCli(['config', 'check', file])
  }
  expect(existsSync(process.execPath)).toBe(true)
  expect(await check(process.execPath)).toMatchObject({ code: 0 })
  for (const path of ['/nonexistent/chromium', folder]) {
    const place = `${file}:6: tools.browser.executablePath`
    expect(await check(path)).toMatchObject({
      code: 2,
      errors: `beamclaw: ${place}: expected the path of Chromium, and there is no such file\n`,
    })
  }
})
