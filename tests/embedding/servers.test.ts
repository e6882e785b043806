import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, onTestFinished, test } from 'vitest'
import { roles, send, sendAndRead } from './chat.ts'
import { ServerProcess } from './server-process.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
/** Where `npm run matrix` puts Bun. */
const bun = join(root, 'node_modules/.beamclaw/matrix/node_modules/bun/bin/bun')
if (!existsSync(bun)) console.log('skipped: the examples on Bun, which `npm run matrix` installs')

const servers = ['plain-http', 'express', 'hono'].flatMap((example) => [
  { name: `${example} on Node`, example, runtime: process.execPath },
  ...(existsSync(bun) ? [{ name: `${example} on Bun`, example, runtime: bun }] : []),
])

describe.each(servers)('$name', ({ example, runtime }) => {
  async function dataDirectory(): Promise<string> {
    const path = await mkdtemp(join(tmpdir(), 'beamclaw-embedding-'))
    onTestFinished(() => rm(path, { recursive: true, force: true }))
    return path
  }

  const start = (data: string): ServerProcess =>
    new ServerProcess({
      command: runtime,
      args: ['--conditions=beamclaw:source', 'index.ts'],
      cwd: join(root, 'examples', example),
      env: { PORT: '0', DATA_DIRECTORY: data, NODE_OPTIONS: '--disable-warning=ExperimentalWarning' },
    })

  test('streams a run, tells the history, stops by SIGTERM, and the next process goes on', async () => {
    const data = await dataDirectory()
    for (const round of [1, 2]) {
      await using server = start(data)
      const chat = `${await server.url()}/chat/a`
      expect(await sendAndRead(chat, '2+3')).toEqual({ text: '2+3 = 5', last: 'run-end' })
      expect(await roles(chat)).toEqual(Array.from({ length: round }, () => ['user', 'assistant']).flat())
      expect(await server.stop()).toBe(0)
      expect(existsSync(join(data, '.lock'))).toBe(false)
    }
  })

  test('gives a client that sends its message again the whole run, and runs it once', async () => {
    await using server = start(await dataDirectory())
    const chat = `${await server.url()}/chat/a`
    const first = await sendAndRead(chat, '2+3', 'one')
    expect(await sendAndRead(chat, '2+3', 'one')).toEqual(first)
    expect(await roles(chat)).toEqual(['user', 'assistant'])
  })

  test('finishes a run whose client has left, and refuses what no session knows', async () => {
    await using server = start(await dataDirectory())
    const url = await server.url()
    for await (const event of send(`${url}/chat/a`, 'what survives a crash?')) if (event.type === 'text-delta') break
    await expect.poll(() => roles(`${url}/chat/a`), { timeout: 20_000 }).toEqual(['user', 'assistant'])
    expect((await fetch(`${url}/chat/nobody`)).status).toBe(400)
  })
})
