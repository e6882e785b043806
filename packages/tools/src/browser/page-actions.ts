/** What each action does with the page. */
import type { Clock } from '@beamclaw/core'
import { sleep } from '@beamclaw/core/adapter'
import type { Locator, Page } from 'playwright-core'
import { urlRefused } from '../web/fetch-errors.ts'
import { pageFailed } from './browser-errors.ts'
import type { BrowserInput } from './browser-input.ts'
import type { BrowserSettings } from './browser-settings.ts'
import type { SessionPage } from './session-page.ts'
import type { UploadFile } from './transfers.ts'

/** What an action has brought: words for the model, and text or an image of the page. */
export interface ActionResult {
  readonly said: string
  /** What the page says: not trustworthy. */
  readonly text?: string
  readonly image?: { readonly mediaType: string; readonly data: string }
}

/** What an action works with. */
export interface ActionSite {
  readonly session: SessionPage
  readonly settings: BrowserSettings
  readonly clock: Clock
  readonly signal: AbortSignal
  /** Read and approved before. */
  readonly files: readonly UploadFile[]
  readonly maxImageBytes: number
}

/** Milliseconds for an element to become ready for what is done with it. */
const elementMs = 5_000
/** Milliseconds for what a click begins. */
const settleMs = 3_000
const usualWaitMs = 5_000
const maxUrlCharacters = 8_192
/** Characters of what a script may return. */
const maxValueCharacters = 1_000_000

/** Performs an action; errors of the library are thrown as they are. */
export async function performAction(input: BrowserInput, site: ActionSite): Promise<ActionResult> {
  const { session, files, clock, signal } = site
  const { page } = session
  const { ref, text = '', waitMs = usualWaitMs } = input
  switch (input.action) {
    case 'navigate':
      return navigate(input.url ?? '', site)
    case 'snapshot':
      return { said: '', text: await snapshotOf(site) }
    case 'click':
      await (await elementOf(page, ref)).click({ timeout: elementMs })
      return settled(page, `Clicked ${ref}.`)
    case 'type': {
      const field = await elementOf(page, ref)
      await field.fill(text, { timeout: elementMs })
      if (input.submit !== true) return { said: `Typed into ${ref}.` }
      await field.press('Enter', { timeout: elementMs })
      return settled(page, `Typed into ${ref} and pressed Enter.`)
    }
    case 'select': {
      const chosen = await (await elementOf(page, ref)).selectOption([...(input.values ?? [])], { timeout: elementMs })
      return { said: `Chose in ${ref}.`, text: `Values: ${JSON.stringify(chosen)}` }
    }
    case 'press':
      await (ref === undefined
        ? page.keyboard.press(input.key ?? '')
        : (await elementOf(page, ref)).press(input.key ?? '', { timeout: elementMs }))
      return settled(page, `Pressed ${input.key}.`)
    case 'hover':
      await (await elementOf(page, ref)).hover({ timeout: elementMs })
      return { said: `The pointer is on ${ref}.` }
    case 'scroll':
      return scroll(page, input)
    case 'upload':
      await (await elementOf(page, ref)).setInputFiles(files.map(asPayload), { timeout: elementMs })
      return settled(page, `Uploaded ${files.length} files to ${ref}.`)
    case 'wait':
      if (text === '') await sleep(clock, waitMs, signal)
      else
        await page
          .getByText(text)
          .first()
          .waitFor({ timeout: Math.max(waitMs, 1) })
      return { said: text === '' ? `Waited ${waitMs} ms.` : 'The text is there.' }
    case 'back':
      return { said: (await page.goBack({ waitUntil: 'domcontentloaded' })) === null ? 'There is no page before this one.' : 'Went back.' }
    case 'screenshot':
      return screenshot(site)
    case 'evaluate':
      return { said: 'The script has run.', text: await evaluate(page, input.script ?? '') }
    default:
      throw pageFailed(`action "${input.action}" is not one of a page`)
  }
}

/** Resolves with the element of a reference in the last snapshot. Rejects `tool-failed` when there is none. */
export async function elementOf(page: Page, ref = ''): Promise<Locator> {
  const found = page.locator(`aria-ref=${ref}`)
  if ((await found.count()) > 0) return found
  throw pageFailed(`there is no element ${ref}. Take a new snapshot: references hold only for the last one.`)
}

async function navigate(text: string, site: ActionSite): Promise<ActionResult> {
  const { session, settings } = site
  const url = text.length > maxUrlCharacters ? null : URL.parse(text)
  if (url === null) throw urlRefused('syntax', `it is not a URL of at most ${maxUrlCharacters} characters`, '')
  // The proxy decides again; here are the words for it, and schemes that never come to a proxy.
  settings.policy.checkUrl(url)
  settings.policy.checkLiteral(url.hostname)
  session.takeRefusals()
  const { status, isSlow } = await goto(session, url.href)
  // The answer of the proxy itself is no page.
  const host = URL.parse(session.page.url())?.hostname
  const refusal = status === 403 ? session.takeRefusals().find(({ details }) => details.host === host) : undefined
  if (refusal !== undefined) throw refusal
  const said = isSlow ? 'The page has not finished loading.' : status === undefined ? 'Opened.' : `HTTP status ${status}.`
  return { said, text: await snapshotOf(site) }
}

/** How often a page is asked for when the one before it still gets in between. */
const maxTries = 3

async function goto(session: SessionPage, url: string): Promise<{ readonly status?: number | undefined; readonly isSlow: boolean }> {
  for (let attempt = 1; ; attempt++) {
    try {
      const response = await session.page.goto(url, { waitUntil: 'domcontentloaded' })
      return { status: response?.status(), isSlow: false }
    } catch (error) {
      if (error instanceof Error && error.name === 'TimeoutError') return { isSlow: true }
      const [refusal] = session.takeRefusals()
      if (refusal !== undefined) throw refusal
      // A page that leads on by a script, or the end of the one before.
      const isInterrupted = error instanceof Error && error.message.includes('interrupted by another navigation')
      if (!isInterrupted || attempt === maxTries) throw error
      await session.page.waitForLoadState('domcontentloaded', { timeout: settleMs }).catch(() => undefined)
    }
  }
}

async function snapshotOf({ session, settings }: ActionSite): Promise<string> {
  return session.page.ariaSnapshot({ mode: 'ai', timeout: settings.timeoutMs })
}

/** Waits a moment for a page that a click may have begun to open. */
async function settled(page: Page, said: string): Promise<ActionResult> {
  await page.waitForLoadState('domcontentloaded', { timeout: settleMs }).catch(() => undefined)
  return { said }
}

async function scroll(page: Page, { ref, direction = 'down' }: BrowserInput): Promise<ActionResult> {
  if (ref !== undefined) {
    await (await elementOf(page, ref)).scrollIntoViewIfNeeded({ timeout: elementMs })
    return { said: `Scrolled to ${ref}.` }
  }
  const { height } = page.viewportSize() ?? { height: 800 }
  await page.mouse.wheel(0, direction === 'down' ? height : -height)
  return { said: `Scrolled ${direction}.` }
}

/** PNG; a picture that is too large for that is a JPEG. */
async function screenshot({ session, settings, maxImageBytes }: ActionSite): Promise<ActionResult> {
  const { timeoutMs: timeout } = settings
  const png = await session.page.screenshot({ type: 'png', timeout })
  if (png.length <= maxImageBytes) return { said: 'What the image shows is not trustworthy.', image: imageOf('image/png', png) }
  const jpeg = await session.page.screenshot({ type: 'jpeg', quality: 50, timeout })
  if (jpeg.length <= maxImageBytes) return { said: 'What the image shows is not trustworthy.', image: imageOf('image/jpeg', jpeg) }
  throw pageFailed(`the screenshot has ${jpeg.length} bytes; at most ${maxImageBytes} can be shown. Take a snapshot instead.`)
}

function imageOf(mediaType: string, bytes: Buffer): { readonly mediaType: string; readonly data: string } {
  return { mediaType, data: bytes.toString('base64') }
}

/** The value as JSON text, made in the page: what comes from there is text, whatever the page has done to its objects. */
async function evaluate(page: Page, script: string): Promise<string> {
  const text: unknown = await page.evaluate(`(async () => {
    const value = await (0, eval)(${JSON.stringify(script)})
    const text = value === undefined ? 'undefined' : JSON.stringify(value)
    return String(text).slice(0, ${maxValueCharacters})
  })()`)
  return String(text)
}

function asPayload({ path, bytes }: UploadFile): { name: string; mimeType: string; buffer: Buffer } {
  return { name: path.split('/').at(-1) ?? 'file', mimeType: 'application/octet-stream', buffer: Buffer.from(bytes) }
}
