import { existsSync } from 'node:fs'
import { readdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { BeamClaw, defineAgent } from '@beamclaw/core'
import { DemoProvider } from '@beamclaw/providers/demo'
import { FsStore } from '@beamclaw/store-fs'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { roles, sendAndRead } from './chat.ts'
import { NextApp } from './next-app.ts'
import type { ServerProcess } from './server-process.ts'

/** The content of every file below a folder. */
async function contents(folder: string): Promise<ReadonlyMap<string, string>> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  const files = entries.filter((entry) => entry.isFile()).map(({ parentPath, name }) => join(parentPath, name))
  return new Map(await Promise.all(files.sort().map(async (file) => [file, await readFile(file, 'utf8')] as const)))
}

/** Leaves a run of session `a` in the middle of its answer, as a crash would. */
async function cutOffRun(path: string): Promise<void> {
  const store = new FsStore({ path })
  const agents = [defineAgent({ id: 'main', model: 'demo/demo-1' })]
  const running = await new BeamClaw({ providers: { demo: new DemoProvider({ delayMs: 1_000 }) }, agents, store }).start()
  for await (const { type } of running.session('agent:main:a').send('what survives a crash?')) if (type === 'text-delta') break
  running.kill()
  await store.stop()
}

describe('Next.js', () => {
  let app: NextApp

  beforeAll(async () => {
    app = await NextApp.install()
  }, 180_000)

  afterEach(() => rm(app.dataDirectory, { recursive: true, force: true }))

  afterAll(() => app[Symbol.asyncDispose]())

  test('a build starts nothing: a run that was cut off is left alone, and goes on with the server', async () => {
    await cutOffRun(app.dataDirectory)
    const before = await contents(app.dataDirectory)
    expect(before.size).toBeGreaterThan(2)
    await app.build()
    expect(await contents(app.dataDirectory)).toEqual(before)
    await using server = app.start()
    const chat = `${await server.url()}/api/chat/a`
    await expect.poll(() => roles(chat), { timeout: 20_000 }).toEqual(['user', 'assistant'])
    expect((await fetch(`${chat}-that-nobody-began`)).status).toBe(400)
    expect(await server.stop()).toBe(0)
    expect(existsSync(join(app.dataDirectory, '.lock'))).toBe(false)
  }, 120_000)

  test('comes up ten times in a row over one store, each time while the server before it still runs', async () => {
    await using servers = new AsyncDisposableStack()
    const said: string[] = []
    let before: ServerProcess | undefined
    for (let round = 1; round <= 10; round++) {
      const server = servers.use(app.start())
      const chat = `${await server.url()}/api/chat/a`
      const isGone = before?.stop(round % 2 === 0 ? 'SIGTERM' : 'SIGKILL')
      expect(await sendAndRead(chat, '2+3')).toEqual({ text: '2+3 = 5', last: 'run-end' })
      said.push('user', 'assistant')
      expect(await roles(chat)).toEqual(said)
      expect(server.output).not.toMatch(/error|⨯/i)
      await isGone
      before = server
    }
  }, 60_000)

  test('a server that replaces another one waits until that has stopped', async () => {
    await using first = app.start()
    const chat = '/api/chat/a'
    const firstUrl = await first.url()
    await sendAndRead(`${firstUrl}${chat}`, '2+3')
    await using second = app.start()
    let hasAnswered = false
    const answer = sendAndRead(`${await second.url()}${chat}`, '3+4').finally(() => {
      hasAnswered = true
    })
    // Some eighty words, one each 20 ms: time enough for the second to find the directory in use.
    expect((await sendAndRead(`${firstUrl}${chat}`, 'what survives a crash?')).last).toBe('run-end')
    expect(hasAnswered).toBe(false)
    expect(await first.stop()).toBe(0)
    expect(await answer).toEqual({ text: '3+4 = 7', last: 'run-end' })
    expect(await roles(`${await second.url()}${chat}`)).toHaveLength(6)
  }, 60_000)

  test('in development an edit of the agent reaches what runs; process, store and conversation stay', async () => {
    await using server = app.dev()
    const url = await server.url()
    const page = async (): Promise<string> => (await fetch(url)).text()
    await sendAndRead(`${url}/api/chat/a`, '2+3')
    expect(await page()).toContain('Be brief.')
    const lock = await readFile(join(app.dataDirectory, '.lock'), 'utf8')
    await app.edit('lib/claw.ts', (text) => text.replace('Be brief.', 'Be thorough.'))
    await expect.poll(page, { timeout: 20_000, interval: 200 }).toContain('Be thorough.')
    await sendAndRead(`${url}/api/chat/a`, '3+4')
    expect(await roles(`${url}/api/chat/a`)).toEqual(['user', 'assistant', 'user', 'assistant'])
    expect(await readFile(join(app.dataDirectory, '.lock'), 'utf8')).toBe(lock)
    await server.stop()
  }, 60_000)
})
