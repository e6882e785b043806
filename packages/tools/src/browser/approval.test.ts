// Which calls ask, what a person reads, and that nothing else runs.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type LocalServer, localServer } from '../web/testing/local-server.ts'
import { pagesOf } from './pages-of.ts'
import { BrowserStage, noBrowser, refOf } from './testing/browser-stage.ts'

const page = `<title>Shop</title><button onclick="document.title='Bought'">Buy</button><input aria-label="Name"><input type="file" aria-label="File">`

describe.skipIf(noBrowser !== undefined)(`approval ${noBrowser ?? ''}`, () => {
  let server: LocalServer
  let stage: BrowserStage
  let asked: string[]
  let decide: (id: string) => Promise<unknown>
  beforeAll(async () => {
    server = await localServer((_request, response) => void response.setHeader('content-type', 'text/html').end(page))
    stage = await BrowserStage.open({ askMode: 'onMiss' })
    stage.claw.on('approval-request', async ({ request }) => {
      asked.push(request.display)
      await decide(request.id)
    })
  })
  afterAll(async () => {
    await stage[Symbol.asyncDispose]()
    await server.close()
  })
  const approvals = () => stage.claw.approvals
  const open = async (session: string, host = '127.0.0.1') => {
    asked = []
    decide = (id) => approvals().approve(id, { by: 'ada' })
    return stage.use({ action: 'navigate', url: `http://${host}:${server.port}/` }, session)
  }

  it('is not needed to look', async () => {
    const opened = await open('look')
    for (const action of ['snapshot', 'screenshot', 'scroll', 'back']) await stage.use({ action }, 'look')
    await stage.use({ action: 'hover', ref: refOf(opened, 'button') }, 'look')
    await stage.use({ action: 'close' }, 'look')
    expect(asked).toEqual([])
  })

  it('is needed to act, once for an origin', async () => {
    const opened = await open('act')
    decide = (id) => approvals().approve(id, { by: 'ada', scope: 'session' })
    const click = { action: 'click', ref: refOf(opened, 'button') }
    expect((await stage.use(click, 'act')).isError).toBe(false)
    expect(asked).toEqual([expect.stringMatching(/127\.0\.0\.1:\d+\/\nClick on element e\d+/)])
    expect((await stage.use({ action: 'type', ref: refOf(opened, 'textbox'), text: 'Ada' }, 'act')).isError).toBe(false)
    expect(asked).toHaveLength(1)
    await stage.use({ action: 'navigate', url: `http://other.test:${server.port}/` }, 'act')
    await stage.use({ action: 'snapshot' }, 'act')
    await stage.use(click, 'act')
    expect(asked).toHaveLength(2)
  })

  it('is refused by a person, and nothing happens', async () => {
    const opened = await open('deny')
    decide = (id) => approvals().deny(id, { by: 'ada' })
    expect((await stage.use({ action: 'click', ref: refOf(opened, 'button') }, 'deny')).isError).toBe(true)
    expect(await (await pagesOf(stage.browsers).find('agent:main:deny'))?.page.title()).toBe('Shop')
  })

  it('is needed for each script and each upload, and shows them whole', async () => {
    const opened = await open('script')
    decide = (id) => approvals().approve(id, { by: 'ada' })
    for (let round = 0; round < 2; round++) {
      await stage.use({ action: 'evaluate', script: '1 + 1' }, 'script')
      await stage.use({ action: 'upload', ref: refOf(opened, '"File"'), paths: ['note.txt'] }, 'script')
    }
    expect(asked).toHaveLength(4)
    expect(asked[0]).toContain('Run this script:\n1 + 1')
    expect(asked[1]).toMatch(/note\.txt \(6 bytes, SHA-256 [0-9a-f]{64}\)/)
  })

  it('holds for the page that was shown: on another origin nothing happens', async () => {
    const opened = await open('moved')
    decide = async (id) => {
      await (await pagesOf(stage.browsers).find('agent:main:moved'))?.page.goto(`http://other.test:${server.port}/`)
      await approvals().approve(id, { by: 'ada' })
    }
    const { isError, text } = await stage.use({ action: 'click', ref: refOf(opened, 'button') }, 'moved')
    expect(isError).toBe(true)
    expect(text).toContain('when this call was planned')
  })

  it('holds for the file that was shown: a changed one is not uploaded', async () => {
    const opened = await open('changed')
    decide = async (id) => {
      stage.workspace.write('note.txt', 'another note')
      await approvals().approve(id, { by: 'ada' })
    }
    const { isError, text } = await stage.use({ action: 'upload', ref: refOf(opened, '"File"'), paths: ['note.txt'] }, 'changed')
    expect(isError).toBe(true)
    expect(text).toContain('a file has changed')
  })
})
