/** What a call of `browser` would do, for approval: looking asks for nothing, acting asks once for each origin, scripts and uploads each time. */
import type { JsonValue, PlanContext, ToolContext, ToolPlan } from '@beamclaw/core'
import { pageFailed } from './browser-errors.ts'
import type { BrowserAction, BrowserInput } from './browser-input.ts'
import type { BrowserToolSettings } from './browser-tool-options.ts'
import type { SessionPage } from './session-page.ts'
import { type UploadFile, uploadFiles } from './transfers.ts'

/** What was approved. It is JSON. */
export interface BrowserDetail {
  /** The origin of the page that is acted on; null for an action that changes nothing. */
  readonly origin: string | null
  /** SHA-256 of the files of an upload, in their order. */
  readonly hashes: readonly string[]
}

/** Actions that change nothing outside the browser beyond what opening a page does. */
const looking: ReadonlySet<BrowserAction> = new Set(['navigate', 'snapshot', 'hover', 'scroll', 'wait', 'back', 'screenshot', 'close'])

const nothing: BrowserDetail = { origin: null, hashes: [] }

/** Returns the plan of a call. Rejects as reading the files of an upload does. */
export async function planBrowser(
  input: BrowserInput,
  page: SessionPage | undefined,
  settings: BrowserToolSettings,
  call: PlanContext,
): Promise<ToolPlan> {
  const { action } = input
  if (looking.has(action)) return { display: `${action} ${input.url ?? input.ref ?? ''}`.trim(), detail: asJson(nothing), permits: [] }
  // Refused when it runs.
  if (page === undefined) return { display: `${action}, without an open page`, detail: asJson(nothing), permits: [] }
  const { origin } = page
  const where = `On the page ${page.page.url()}`
  if (action === 'evaluate') return { display: `${where}\nRun this script:\n${input.script}`, detail: asJson({ origin, hashes: [] }) }
  if (action === 'upload') {
    const files = await uploadFiles(input.paths ?? [], settings, call)
    const list = files.map((file) => `${file.path} (${file.bytes.length} bytes, SHA-256 ${file.sha256})`)
    const hashes = files.map(({ sha256 }: UploadFile) => sha256)
    return { display: `${where}\nUpload to element ${input.ref}:\n${list.join('\n')}`, detail: asJson({ origin, hashes }) }
  }
  const kind = action === 'download' ? 'download' : 'act'
  return {
    display: `${where}\n${wordsOf(input)}`,
    detail: asJson({ origin, hashes: [] }),
    // A page without an origin can be anyone's.
    ...(origin === 'null' ? {} : { permits: [{ subject: `browser:${kind}:${origin}`, args: [] }] }),
  }
}

/** Throws `tool-failed` when the page or a file is not the one that was approved. */
export function checkApproved(plan: ToolContext['plan'], origin: string, hashes: readonly string[]): void {
  const approved = plan as unknown as BrowserDetail | undefined
  if (approved === undefined || approved === null || !('origin' in approved)) return
  if (approved.origin !== origin) {
    throw pageFailed(
      `the page is of ${origin} now, not of ${approved.origin} as when this call was planned. Take a snapshot and try again.`,
    )
  }
  if (approved.hashes.join() !== hashes.join()) throw pageFailed('a file has changed since this call was planned. Try again.')
}

/** Returns true for an action whose page has to be the one that was planned for. */
export function isActing({ action }: BrowserInput): boolean {
  return !looking.has(action)
}

function wordsOf({ action, ref, text, submit, values, key }: BrowserInput): string {
  switch (action) {
    case 'type':
      return `Type into element ${ref}${submit === true ? ' and press Enter' : ''}:\n${text}`
    case 'select':
      return `Choose in element ${ref}:\n${(values ?? []).join('\n')}`
    case 'press':
      return `Press ${key}${ref === undefined ? '' : ` in element ${ref}`}`
    case 'download':
      return `Download by a click on element ${ref}`
    default:
      return `Click on element ${ref}`
  }
}

function asJson(detail: BrowserDetail): JsonValue {
  return detail as unknown as JsonValue
}
