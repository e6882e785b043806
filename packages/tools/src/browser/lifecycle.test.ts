// The life of Chromium: crashes, idleness, limits, and the end of its host.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { ManualClock } from '@beamclaw/testkit'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { allPids, factsOf } from '../sandboxes/process-facts.ts'
import { localServer } from '../web/testing/local-server.ts'
import { pagesOf } from './pages-of.ts'
import { BrowserStage, noBrowser } from './testing/browser-stage.ts'

const gone = async (pid: number | undefined): Promise<void> => {
  const members = () => allPids().filter((one) => factsOf(one)?.group === pid && factsOf(one)?.isZombie === false)
  await vi.waitUntil(() => members().length === 0, 20_000)
}
// Of this file alone: other browsers may run at the same time.
const scratch = mkdtempSync(join(tmpdir(), 'beamclaw-lifecycle-'))
const folders = (): readonly string[] => readdirSync(scratch).filter((name) => /^beamclaw-browser-|^playwright/.test(name))

describe.skipIf(noBrowser !== undefined || process.platform !== 'linux')(`Chromium ${noBrowser ?? ''}`, () => {
  beforeAll(() => void vi.stubEnv('TMPDIR', scratch))
  afterAll(() => {
    vi.unstubAllEnvs()
    rmSync(scratch, { recursive: true, force: true })
  })
  const page = '<title>Page</title><p>Hello</p>'
  const served = () => localServer((_request, response) => void response.setHeader('content-type', 'text/html').end(page))

  it('is started by the first page, not before, and ended by close', async () => {
    await using server = await served()
    await using stage = await BrowserStage.open()
    await stage.use({ action: 'snapshot' })
    expect(stage.pid).toBeUndefined()
    await stage.use({ action: 'navigate', url: server.origin })
    expect(folders().length).toBeGreaterThan(0)
    const { pid } = stage
    expect(factsOf(pid ?? 0)?.isZombie).toBe(false)
    await stage.use({ action: 'close' })
    await gone(pid)
    expect(stage.pid).toBeUndefined()
    await vi.waitUntil(() => folders().length === 0, 10_000)
  })

  it('is ended with its tenant', async () => {
    await using server = await served()
    const stage = await BrowserStage.open()
    await stage.use({ action: 'navigate', url: server.origin })
    const { pid } = stage
    await stage[Symbol.asyncDispose]()
    await gone(pid)
  })

  it('crashes, says so, and is started again by the next page; other parts do not notice', async () => {
    await using server = await served()
    await using stage = await BrowserStage.open()
    await stage.use({ action: 'navigate', url: server.origin })
    const first = stage.pid ?? 0
    process.kill(first, 'SIGKILL')
    await gone(first)
    await vi.waitUntil(() => folders().length === 0, 10_000)
    const { isError, text } = await stage.use({ action: 'snapshot' })
    expect(isError).toBe(true)
    expect(text).toMatch(/Chromium has ended.*navigate/i)
    expect((await stage.use({ action: 'navigate', url: server.origin })).text).toContain('Hello')
    expect(stage.pid).not.toBe(first)
  })

  it('says of a new page that the one before was lost', async () => {
    await using server = await served()
    await using stage = await BrowserStage.open()
    await stage.use({ action: 'navigate', url: server.origin })
    process.kill(stage.pid ?? 0, 'SIGKILL')
    await vi.waitUntil(() => stage.pid === undefined, 10_000)
    expect((await stage.use({ action: 'navigate', url: server.origin })).text).toContain('The page that was open before is gone')
  })

  it('fails the call in hand when it crashes', async () => {
    await using server = await served()
    await using stage = await BrowserStage.open()
    await stage.use({ action: 'navigate', url: server.origin })
    const waiting = stage.use({ action: 'wait', text: 'never', waitMs: 30_000 })
    await vi.waitUntil(async () => (await pagesOf(stage.browsers).find('agent:main:main'))?.isBusy === true, 10_000)
    process.kill(stage.pid ?? 0, 'SIGKILL')
    expect(await waiting).toMatchObject({ isError: true, text: expect.stringContaining('the page is gone') })
  })

  it('leaves a call that is aborted at once, and takes the next one', async () => {
    await using server = await served()
    await using stage = await BrowserStage.open()
    await stage.use({ action: 'navigate', url: server.origin })
    const waiting = stage.use({ action: 'wait', text: 'never', waitMs: 30_000 })
    const find = async () => pagesOf(stage.browsers).find('agent:main:main')
    await vi.waitUntil(async () => (await find())?.isBusy === true, 10_000)
    await stage.claw.session('agent:main:main').abort()
    await expect(waiting).rejects.toMatchObject({ code: 'run-aborted' })
    await vi.waitUntil(async () => (await find())?.isBusy === false, 10_000)
    expect((await stage.use({ action: 'snapshot' })).text).toContain('Hello')
  })

  it('is ended when no session has called for a while', async () => {
    await using server = await served()
    const clock = new ManualClock()
    await using stage = await BrowserStage.open({ clock, browsers: { idleMs: 60_000 } })
    await stage.use({ action: 'navigate', url: server.origin })
    const { pid } = stage
    await clock.advance(59_000)
    await stage.use({ action: 'snapshot' })
    await clock.advance(59_000)
    expect(stage.pid).toBe(pid)
    await clock.advance(1_000)
    await gone(pid)
    expect((await stage.use({ action: 'snapshot' })).text).toContain('closed after 60000 ms without a call')
  })

  it('closes the page that was not used for the longest time when there are too many', async () => {
    await using server = await served()
    await using stage = await BrowserStage.open({ browsers: { maxPages: 2 } })
    for (const session of ['a', 'b']) await stage.use({ action: 'navigate', url: server.origin }, session)
    await stage.use({ action: 'snapshot' }, 'a')
    await stage.use({ action: 'navigate', url: server.origin }, 'c')
    expect((await stage.use({ action: 'snapshot' }, 'a')).isError).toBe(false)
    expect((await stage.use({ action: 'snapshot' }, 'b')).text).toContain('other conversations needed its place')
  })

  it('refuses one more page when all are busy', async () => {
    await using server = await served()
    await using stage = await BrowserStage.open({ browsers: { maxPages: 1 } })
    await stage.use({ action: 'navigate', url: server.origin }, 'a')
    const waiting = stage.use({ action: 'wait', waitMs: 2_000 }, 'a')
    await vi.waitUntil(async () => (await pagesOf(stage.browsers).find('agent:main:a'))?.isBusy === true, 10_000)
    expect((await stage.use({ action: 'navigate', url: server.origin }, 'b')).text).toContain('all 1 pages are in use')
    await waiting
  })

  it('is ended when it takes too much memory, and says so', async () => {
    await using server = await served()
    const clock = new ManualClock()
    await using stage = await BrowserStage.open({ clock, browsers: { maxMemoryBytes: 1 } })
    await stage.use({ action: 'navigate', url: server.origin })
    const { pid } = stage
    await clock.advance(1_000)
    await gone(pid)
    expect((await stage.use({ action: 'snapshot' })).text).toMatch(/used \d+ bytes of memory, more than 1,/)
  })

  it('does not outlive a host that is killed', async () => {
    await using server = await served()
    const host = fileURLToPath(new URL('testing/doomed-browser.ts', import.meta.url))
    const { NODE_OPTIONS: _, ...env } = process.env
    const child = spawn(process.execPath, ['--conditions=beamclaw:source', host, server.origin], {
      env,
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const [line] = (await once(createInterface({ input: child.stdout }), 'line')) as [string]
    const pid = Number(line)
    expect(factsOf(pid)?.isZombie).toBe(false)
    child.kill('SIGKILL')
    await gone(pid)
  })

  it('that is missing is told with what to do', async () => {
    await using stage = await BrowserStage.open({ browsers: { executablePath: '/nonexistent/chromium' } })
    const { isError, text } = await stage.use({ action: 'navigate', url: 'http://127.0.0.1:9/' })
    expect(isError).toBe(true)
    expect(text).toContain('"/nonexistent/chromium" (option executablePath) is not a program')
  })
})
