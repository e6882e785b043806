// Every action on a real page, through a run.
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { type LocalServer, localServer } from '../web/testing/local-server.ts'
import { BrowserStage, noBrowser, refOf } from './testing/browser-stage.ts'

const pages: Readonly<Record<string, string>> = {
  '/form': `<title>Form</title><form action="/sent"><label>Name <input name="name"></label>
    <label>Size <select name="size"><option value="s">Small</option><option value="l">Large</option></select></label>
    <button>Send</button></form><a href="/next">Next page</a>`,
  '/next': '<title>Next</title><h1>The next page</h1>',
  '/hover': '<title>Hover</title><button onmouseover="document.title=\'Hovered\'">Here</button>',
  '/keys': '<title>Keys</title><input aria-label="Field" onkeydown="document.title=event.key">',
  '/tall':
    '<title>Tall</title><div style="height:5000px">top</div><button>Bottom</button><script>onscroll=()=>{document.title="Scrolled "+Math.round(scrollY)}</script>',
  '/upload':
    '<title>Upload</title><label>File <input type="file" multiple onchange="Promise.all([...this.files].map(f=>f.text().then(t=>f.name+\':\'+t))).then(all=>document.title=all.join())"></label>',
  '/late': '<title>Late</title><script>setTimeout(()=>document.body.append("Here at last"),50)</script>',
  '/dialog': '<title>Dialog</title><button onclick="document.title=String(confirm(\'Sure?\'))">Ask</button>',
  '/window': '<title>Window</title><a href="/next" target="_blank">Elsewhere</a>',
  '/files':
    '<title>Files</title><a href="/report">Report</a><a href="/evil">Evil</a><a href="/endless">Endless</a><button>Nothing</button>',
  '/frame': '<title>Outer</title><iframe src="/form"></iframe>',
}

describe.skipIf(noBrowser !== undefined)(`the browser ${noBrowser ?? ''}`, () => {
  let server: LocalServer
  let stage: BrowserStage
  beforeAll(async () => {
    server = await localServer(({ url = '/' }, response) => {
      const { pathname, search } = new URL(url, 'http://any')
      response.setHeader('content-type', 'text/html')
      if (pathname === '/sent') return response.end(`<title>Sent</title><p>Got ${search}</p>`)
      if (pathname === '/missing') return response.writeHead(404).end('<p>Nothing here</p>')
      if (pathname === '/report') return response.setHeader('content-disposition', 'attachment; filename="r.txt"').end('the report')
      if (pathname === '/evil') {
        return response.setHeader('content-disposition', "attachment; filename*=UTF-8''..%2F..%2F.bashrc").end('evil')
      }
      if (pathname === '/endless') {
        response.setHeader('content-disposition', 'attachment; filename="endless.bin"')
        const piece = Buffer.alloc(65_536)
        const more = (): void => {
          while (!response.destroyed && response.write(piece));
        }
        response.on('drain', more)
        return more()
      }
      const page = pages[pathname]
      if (page === undefined) return response.writeHead(404).end()
      response.end(page)
    })
    stage = await BrowserStage.open({ tool: { maxFileBytes: 1_000_000 } })
  })
  afterAll(async () => {
    await stage[Symbol.asyncDispose]()
    await server.close()
  })
  const open = async (path: string) => stage.use({ action: 'navigate', url: `${server.origin}${path}` })
  /** Resolves once this result, or one of the next, tells it. */
  const told = async (text: string, words: string): Promise<void> => {
    let all = text
    const isTold = async (): Promise<boolean> => {
      if (!all.includes(words)) all += (await stage.use({ action: 'snapshot' })).text
      return all.includes(words)
    }
    await vi.waitUntil(isTold, 10_000)
  }
  const titleOf = async () => (await stage.use({ action: 'evaluate', script: 'document.title' })).text

  it('opens a page and shows it as a tree with references, marked as untrusted', async () => {
    const { text, isError } = await open('/form')
    expect(isError).toBe(false)
    expect(text).toMatch(/^HTTP status 200\.\nEverything between the two markers/)
    expect(text).toMatch(/textbox "Name" \[ref=e\d+\]/)
    expect(text).toContain(`URL: ${server.origin}/form`)
  })

  it('shows the page of an HTTP error', async () => {
    const { text, isError } = await open('/missing')
    expect(isError).toBe(false)
    expect(text).toMatch(/^HTTP status 404\./)
    expect(text).toContain('Nothing here')
  })

  it('types, chooses and clicks', async () => {
    const form = await open('/form')
    await stage.use({ action: 'type', ref: refOf(form, 'textbox "Name"'), text: 'Ada' })
    await stage.use({ action: 'select', ref: refOf(form, 'combobox "Size"'), values: ['Large'] })
    const clicked = await stage.use({ action: 'click', ref: refOf(form, 'button "Send"') })
    expect(clicked.text).toContain('/sent?name=Ada&size=l')
    expect((await stage.use({ action: 'snapshot' })).text).toContain('Got ?name=Ada&size=l')
  })

  it('types and submits', async () => {
    const form = await open('/form')
    const sent = await stage.use({ action: 'type', ref: refOf(form, 'textbox "Name"'), text: 'Bob', submit: true })
    expect(sent.text).toContain('/sent?name=Bob')
  })

  it('acts in a frame', async () => {
    const outer = await open('/frame')
    expect((await stage.use({ action: 'type', ref: refOf(outer, 'textbox "Name"'), text: 'Eve' })).isError).toBe(false)
  })

  it('goes back', async () => {
    const form = await open('/form')
    await stage.use({ action: 'click', ref: refOf(form, 'link "Next page"') })
    expect((await stage.use({ action: 'snapshot' })).text).toContain('The next page')
    expect((await stage.use({ action: 'back' })).text).toContain(`${server.origin}/form`)
  })

  it('hovers', async () => {
    const page = await open('/hover')
    await stage.use({ action: 'hover', ref: refOf(page, 'button "Here"') })
    expect(await titleOf()).toContain('"Hovered"')
  })

  it('presses keys', async () => {
    const page = await open('/keys')
    await stage.use({ action: 'press', key: 'F2', ref: refOf(page, 'textbox') })
    expect(await titleOf()).toContain('"F2"')
    await stage.use({ action: 'press', key: 'Escape' })
    expect(await titleOf()).toContain('"Escape"')
  })

  it('scrolls by a screen, and to an element', async () => {
    const page = await open('/tall')
    const waiting = { action: 'evaluate', script: 'new Promise(r=>{const t=()=>scrollY>0?r(scrollY):requestAnimationFrame(t);t()})' }
    await stage.use({ action: 'scroll' })
    expect((await stage.use(waiting)).text).toMatch(/\n\d{3}\n/)
    await stage.use({ action: 'scroll', ref: refOf(page, 'button "Bottom"') })
    expect((await stage.use({ action: 'evaluate', script: 'scrollY' })).text).toMatch(/\n[34]\d{3}\n/)
  })

  it('waits for a text', async () => {
    await open('/late')
    expect((await stage.use({ action: 'wait', text: 'Here at last' })).isError).toBe(false)
    expect(await stage.use({ action: 'wait', text: 'Never there', waitMs: 50 })).toMatchObject({ isError: true })
  })

  it('takes a screenshot', async () => {
    await open('/form')
    const { content } = await stage.use({ action: 'screenshot' })
    expect(content).toMatchObject([{ type: 'text' }, { type: 'image', mediaType: 'image/png' }])
    const data = typeof content === 'string' || content[1]?.type !== 'image' ? '' : content[1].data
    expect(Buffer.from(String(data), 'base64').subarray(1, 4).toString()).toBe('PNG')
  })

  it('uploads files of the workspace, and no others', async () => {
    const page = await open('/upload')
    const ref = refOf(page, '"File"')
    await stage.use({ action: 'upload', ref, paths: ['note.txt'] })
    expect(await titleOf()).toContain('"note.txt:a note"')
    for (const path of ['../secret.txt', stage.workspace.secretPath, '/etc/passwd']) {
      const { isError, text } = await stage.use({ action: 'upload', ref, paths: [path] })
      expect(isError).toBe(true)
      expect(text).toContain('workspace')
    }
  })

  it('downloads into the workspace, under a safe name that is free', async () => {
    const page = await open('/files')
    const first = await stage.use({ action: 'download', ref: refOf(page, 'link "Report"') })
    expect(first.text).toContain('"downloads/r.txt"')
    expect(stage.workspace.read('downloads/r.txt')).toBe('the report')
    const second = await stage.use({ action: 'download', ref: refOf(page, 'link "Report"') })
    expect(second.text).toContain('"downloads/r (2).txt"')
    await stage.use({ action: 'download', ref: refOf(page, 'link "Evil"') })
    expect(await readdir(join(stage.workspace.root, 'downloads'))).toEqual(['_.._.bashrc', 'r (2).txt', 'r.txt'])
  })

  it('cancels a download that is too large', async () => {
    const page = await open('/files')
    const { isError, text } = await stage.use({ action: 'download', ref: refOf(page, 'link "Endless"') })
    expect(isError).toBe(true)
    expect(text).toContain('more than 1000000 bytes')
  })

  it('cancels a download that nobody asked for, and says so', async () => {
    const page = await open('/files')
    const { text } = await stage.use({ action: 'click', ref: refOf(page, 'link "Report"') })
    await told(text, 'A download of "r.txt" was cancelled')
  })

  it('dismisses a dialog, and says what it said', async () => {
    const page = await open('/dialog')
    const { text } = await stage.use({ action: 'click', ref: refOf(page, 'button "Ask"') })
    expect(text).toContain('A dialog (confirm) was dismissed. It said: Sure?')
    expect(await titleOf()).toContain('"false"')
  })

  it('closes a window that a page opens, and says where it led', async () => {
    const page = await open('/window')
    const { text } = await stage.use({ action: 'click', ref: refOf(page, 'link "Elsewhere"') })
    await told(text, '/next, which was closed')
    expect((await stage.use({ action: 'snapshot' })).text).toContain(`URL: ${server.origin}/window`)
  })

  it('runs a script and returns its value as JSON', async () => {
    await open('/form')
    expect((await stage.use({ action: 'evaluate', script: '({ a: [1, document.title] })' })).text).toContain('{"a":[1,"Form"]}')
    expect(await stage.use({ action: 'evaluate', script: 'nothing.here' })).toMatchObject({ isError: true })
  })

  it('returns a long page in parts', async () => {
    const other = await BrowserStage.open({ tool: { maxCharacters: 100 } })
    try {
      const first = await other.use({ action: 'navigate', url: `${server.origin}/form` })
      const next = /Go on with offset (\d+)/.exec(first.text)?.[1]
      expect(next).toBe('100')
      expect((await other.use({ action: 'snapshot', offset: 100 })).text).toContain('Characters 100 to 200')
      expect(await other.use({ action: 'snapshot', offset: 100_000 })).toMatchObject({ isError: true })
    } finally {
      await other[Symbol.asyncDispose]()
    }
  })

  it('says what is missing, and that a reference is old', async () => {
    await open('/form')
    expect((await stage.use({ action: 'click' })).text).toContain('ref is missing')
    const { isError, text } = await stage.use({ action: 'hover', ref: 'e999' })
    expect(isError).toBe(true)
    expect(text).toContain('Take a new snapshot')
  })

  it('has no page before the first and after close', async () => {
    expect(await stage.use({ action: 'snapshot' }, 'other')).toMatchObject({
      isError: true,
      text: expect.stringContaining('there is no page'),
    })
    await open('/form')
    expect((await stage.use({ action: 'close' })).text).toBe('The page is closed.')
    expect((await stage.use({ action: 'snapshot' })).text).toContain('navigate')
  })

  it('keeps the cookies of sessions apart', async () => {
    const cookies = await localServer(({ headers }, response) => {
      response
        .setHeader('set-cookie', 'who=ada')
        .setHeader('content-type', 'text/html')
        .end(`<p>cookie: ${headers.cookie ?? 'none'}</p>`)
    })
    const visit = async (session: string) => (await stage.use({ action: 'navigate', url: cookies.origin }, session)).text
    expect(await visit('a')).toContain('cookie: none')
    expect(await visit('a')).toContain('cookie: who=ada')
    expect(await visit('b')).toContain('cookie: none')
    await cookies.close()
  })
})
