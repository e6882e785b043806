/** The options of `Browsers`. */
import type { WebOptions } from '../web/web-options.ts'

/** Options of `Browsers`. What pages may reach is said as for `webFetchTool`. */
export interface BrowsersOptions extends Pick<WebOptions, 'allowHosts' | 'denyHosts' | 'ports' | 'resolve'> {
  /** Path of Chromium or Chrome. @default the first on the path */
  readonly executablePath?: string
  /** Milliseconds without a call after which the page of a session is closed; Chromium ends with its last page. @default 300000 */
  readonly idleMs?: number
  /** Sessions of one tenant that have a page at the same time; one more closes the page that was not used for the longest time. @default 8 */
  readonly maxPages?: number
  /** Bytes of memory of one Chromium with all its pages; above it Chromium is ended. Read on Linux only. @default 2147483648 */
  readonly maxMemoryBytes?: number
  /** Milliseconds for one action; a page that does not respond by then is closed. @default 30000 */
  readonly timeoutMs?: number
}
