/** What platforms without undici get: a bundle in which neither it nor a module of Node is, and which works. */
import { execFile, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'
import { httpServer } from '../testing/bad-servers.ts'
import { bundled } from '../testing/bundled.ts'

const program = new URL('../testing/browser-program.ts', import.meta.url)

const ofNode = /["'](?:node:[\w/]+|undici)["']/

describe('a bundle', () => {
  it.each(['browser', 'edge-light', 'worker', 'workerd', 'deno', 'bun'])(
    'for %s has neither undici nor a module of Node',
    async (condition) => {
      const code = await bundled(program, condition)
      expect(code).toContain('chat/completions')
      expect(code).not.toMatch(ofNode)
    },
  )

  it('for Node keeps the dispatcher', async () => {
    expect(await bundled(program, 'node')).toMatch(ofNode)
  })
})

const chromium = spawnSync('chromium', ['--version']).status === 0

const events = [
  { choices: [{ index: 0, delta: { content: 'grüße 漢字 🦀' } }] },
  { choices: [{ index: 0, delta: {}, finish_reason: 'stop' }] },
]
const body = `${events.map((event) => `data: ${JSON.stringify(event)}\n\n`).join('')}data: [DONE]\n\n`

describe.skipIf(!chromium)('a real browser', () => {
  it('gets an answer', async () => {
    const code = await bundled(program, 'browser')
    const page = `<!doctype html><meta charset="utf-8"><body><script type="module">
      import '/program.js'
      document.body.textContent = await ask(location.origin + '/v1').catch((error) => 'failed: ' + error.message)
    </script>`
    const keys: (string | undefined)[] = []
    await using server = await httpServer((request, response) => {
      const [type, text] =
        request.method === 'POST'
          ? ['text/event-stream', body]
          : request.url === '/program.js'
            ? ['text/javascript; charset=utf-8', code]
            : ['text/html', page]
      if (request.method === 'POST') keys.push(request.headers.authorization)
      response.writeHead(200, { 'content-type': type })
      response.end(text)
    })
    const profile = mkdtempSync(join(tmpdir(), 'beamclaw-browser-'))
    try {
      const quiet = ['--headless', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', `--user-data-dir=${profile}`]
      const args = [...quiet, '--virtual-time-budget=20000', '--dump-dom', `http://127.0.0.1:${server.port}/`]
      const { stdout } = await promisify(execFile)('chromium', args, { timeout: 25_000 })
      expect(stdout).toContain('<body>grüße 漢字 🦀</body>')
      expect(keys).toEqual(['Bearer sk-browser-0123456789'])
    } finally {
      rmSync(profile, { recursive: true, force: true, maxRetries: 5 })
    }
  })
})
