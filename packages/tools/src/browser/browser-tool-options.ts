/** The options of `browserTool`, checked once. */
import { anObjectWith, checkOptions, definedOnly, integer } from '@beamclaw/core/adapter'
import { aWorkspace, type WorkspaceCall } from '../files/files-options.ts'
import type { Browsers } from './browsers.ts'

/** Options of `browserTool`. */
export interface BrowserToolOptions {
  /** Where the pages are; give it to `parts` as well. */
  readonly browsers: Browsers
  /** The folder that uploads come from and downloads go to, or a function that returns that of a call. */
  readonly workspace: string | ((call: WorkspaceCall) => string | Promise<string>)
  /** Characters of one result. @default 50000 */
  readonly maxCharacters?: number
  /** Bytes of a screenshot. @default 1048576 */
  readonly maxImageBytes?: number
  /** Bytes of one file that is uploaded or downloaded. @default 20971520 */
  readonly maxFileBytes?: number
}

/** Options with every default. */
export type BrowserToolSettings = Required<BrowserToolOptions>

/** Defaults for `browserTool`. */
const browserToolDefaults = { maxCharacters: 50_000, maxImageBytes: 1024 * 1024, maxFileBytes: 20 * 1024 * 1024 } as const

/** Returns the options with their defaults. Throws `invalid-option`. */
export function browserToolSettings(options: BrowserToolOptions): BrowserToolSettings {
  checkOptions<BrowserToolOptions>(
    'browserTool',
    options,
    {
      browsers: anObjectWith('of', 'start'),
      workspace: aWorkspace,
      maxCharacters: integer(100, 190_000),
      maxImageBytes: integer(1_000, 10_000_000),
      // The library takes files of up to 50 MB into a page.
      maxFileBytes: integer(1, 50_000_000),
    },
    ['browsers', 'workspace'],
  )
  const { browsers, workspace, ...limits } = options
  return { ...browserToolDefaults, ...definedOnly(limits), browsers, workspace }
}
