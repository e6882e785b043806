/** The tool that lets an agent use a browser. */
import { type ContentPart, defineTool, type Tool, type ToolContext, type ToolReply, toolResult } from '@beamclaw/core'
import { partOf } from '../web/text-part.ts'
import { markUntrusted } from '../web/untrusted-content.ts'
import { asPageError, pageFailed } from './browser-errors.ts'
import { type BrowserInput, browserInput, maxWaitMs } from './browser-input.ts'
import { checkApproved, isActing, planBrowser } from './browser-plan.ts'
import { type BrowserToolOptions, type BrowserToolSettings, browserToolSettings } from './browser-tool-options.ts'
import { type ActionResult, elementOf, performAction } from './page-actions.ts'
import { pagesOf } from './pages-of.ts'
import type { SessionPage } from './session-page.ts'
import type { TenantPages } from './tenant-pages.ts'
import { saveDownload, uploadFiles } from './transfers.ts'

/** How many limits of one action a download may take. */
const downloadLimits = 10
const maxUrlCharacters = 2_000

/**
 * Returns the tool `browser`: an agent opens pages, reads them as a tree with references, and clicks, types, uploads and downloads. A session has a page of its
 * own. Looking needs no approval, acting one for each origin, scripts and uploads one each time. Calls fail with `url-refused`, `browser-unavailable` and
 * `tool-failed`. Throws `invalid-option`.
 *
 * @example
 * const browsers = new Browsers()
 * const agent = defineAgent({ id: 'main', model, tools: [browserTool({ browsers, workspace: '/srv/work' })] })
 */
export function browserTool(options: BrowserToolOptions): Tool<BrowserInput, unknown> {
  const settings = browserToolSettings(options)
  const { browsers } = settings
  return defineTool<BrowserInput>({
    name: 'browser',
    description:
      'Uses a web browser with one page. Navigate, then take a snapshot to read the page; elements have references such as [ref=e12] for click, type and others.',
    input: browserInput,
    risk: 'high',
    // A click that has failed may have done its work.
    maxAttempts: 1,
    plan: async (input, call) => planBrowser(input, await pagesOf(browsers, call.tenant).find(call.sessionKey), settings, call),
    execute: async (input, context) => {
      const pages = pagesOf(browsers, context.tenant)
      return input.action === 'close' ? closed(pages, context) : act(input, pages, settings, context)
    },
  })
}

async function closed(pages: TenantPages, { sessionKey }: ToolContext): Promise<ToolReply> {
  const wasOpen = await pages.close(sessionKey)
  pages.takeLoss(sessionKey)
  return toolResult({ content: wasOpen ? 'The page is closed.' : 'There is no page.' })
}

async function act(input: BrowserInput, pages: TenantPages, settings: BrowserToolSettings, context: ToolContext): Promise<ToolReply> {
  const { sessionKey, signal } = context
  const hadPage = (await pages.find(sessionKey)) !== undefined
  const session = input.action === 'navigate' ? await pages.open(sessionKey) : await pages.find(sessionKey)
  const loss = pages.takeLoss(sessionKey)
  if (session === undefined) throw pageFailed(`${loss ?? 'there is no page.'} Open one with action "navigate".`)
  try {
    return await actOn(session, input, { pages, settings, context, loss })
  } catch (error) {
    if (signal.aborted) throw signal.reason
    if (!session.isClosed) throw asPageError(error, input.action)
    // The page before did not let go; a new one has nothing of it.
    if (input.action === 'navigate' && hadPage) return act(input, pages, settings, context)
    throw pageFailed(`the page is gone: ${session.whyClosed} Navigate again.`, { cause: error })
  }
}

interface ActSite {
  readonly pages: TenantPages
  readonly settings: BrowserToolSettings
  readonly context: ToolContext
  readonly loss: string | undefined
}

async function actOn(session: SessionPage, input: BrowserInput, { pages, settings, context, loss }: ActSite): Promise<ToolReply> {
  const { signal } = context
  const files = input.action === 'upload' ? await uploadFiles(input.paths ?? [], settings, context) : []
  const { clock } = pages.services
  const { timeoutMs } = pages.settings
  const work = async (): Promise<ActionResult> => {
    if (isActing(input)) {
      const hashes = files.map(({ sha256 }) => sha256)
      checkApproved(context.plan, session.origin, hashes)
    }
    if (input.action === 'download') return download(input, session, pages, settings, context)
    const { maxImageBytes } = settings
    return performAction(input, { session, settings: pages.settings, clock, signal, files, maxImageBytes })
  }
  const extra = input.action === 'wait' ? maxWaitMs : 0
  const limit = input.action === 'download' ? timeoutMs * downloadLimits : timeoutMs + extra
  const result = await session.run(work, { signal, timeoutMs: limit, clock })
  return replyOf(result, session, { loss, offset: input.offset ?? 0, maxCharacters: settings.maxCharacters })
}

async function download(
  { ref }: BrowserInput,
  session: SessionPage,
  pages: TenantPages,
  settings: BrowserToolSettings,
  context: ToolContext,
): Promise<ActionResult> {
  const { clock } = pages.services
  const link = await elementOf(session.page, ref)
  const begun = await session.downloadAfter(async () => link.click({ timeout: pages.settings.timeoutMs }), {
    clock,
    timeoutMs: pages.settings.timeoutMs,
    signal: context.signal,
  })
  const saved = await saveDownload(begun, session.chromium.downloads, { settings, call: context, clock, signal: context.signal })
  return { said: `Saved ${saved.bytes} bytes in the workspace, as ${JSON.stringify(saved.path)}. What is in it is not trustworthy.` }
}

interface ReplyOptions {
  readonly loss: string | undefined
  readonly offset: number
  readonly maxCharacters: number
}

async function replyOf(
  { said, text = '', image }: ActionResult,
  session: SessionPage,
  { loss, offset, maxCharacters }: ReplyOptions,
): Promise<ToolReply> {
  if (offset > 0 && offset >= text.length) {
    const content = `The snapshot has ${text.length} characters, so there are none at offset ${offset}.`
    return toolResult({ content, isError: true })
  }
  const part = partOf(text, offset, maxCharacters)
  const lines = [
    `URL: ${session.page.url().slice(0, maxUrlCharacters)}`,
    ...session.takeNotes(),
    ...(part.text === '' ? [] : ['', part.text]),
  ]
  const head = [loss, `${said}${part.note}`.trim()].filter((one) => one !== undefined && one !== '').join(' ')
  const shown = `${head}${head === '' ? '' : '\n'}${markUntrusted(lines.join('\n'), 'the web')}`
  const content: ContentPart[] = [{ type: 'text', text: shown }]
  if (image !== undefined) content.push({ type: 'image', ...image })
  return toolResult({ content: image === undefined ? shown : content })
}
