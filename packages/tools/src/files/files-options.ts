/** Options of the tools for files, and what each of them gets from there. */
import type { PlanContext } from '@beamclaw/core'
import { aBoolean, checkOptions, integer, type OptionRule } from '@beamclaw/core/adapter'

/** The call for which a workspace is chosen. */
export interface WorkspaceCall extends Pick<PlanContext, 'context'> {
  readonly sessionKey: string
  readonly agentId: string
}

/** Options of `filesTools`. */
export interface FilesToolsOptions {
  /** The folder that the tools work in, or a function that returns that of a call. Nothing outside it can be read or changed. */
  readonly workspace: string | ((call: WorkspaceCall) => string | Promise<string>)
  /** Whether `write_file` and `edit_file` are left out. @default false */
  readonly readOnly?: boolean
  /** Bytes of a file that is written, edited or searched; a larger one can still be read in parts. @default 5242880 */
  readonly maxFileBytes?: number
  /** Characters of one result. @default 50000 */
  readonly maxCharacters?: number
  /** Bytes of an image that the model gets to see; 0 for none. @default 1048576 */
  readonly maxImageBytes?: number
}

/** Options with every default. */
export type FilesSetup = Required<FilesToolsOptions>

const filesDefaults = { readOnly: false, maxFileBytes: 5 * 1024 * 1024, maxCharacters: 50_000, maxImageBytes: 1024 * 1024 } as const

/** The rule for `workspace`. */
export const aWorkspace: OptionRule = (value) =>
  typeof value === 'function' || (typeof value === 'string' && value !== '' && !value.includes('\0'))
    ? undefined
    : 'a path, or a function that returns one'

/** Returns the options with their defaults. Throws `invalid-option`. */
export function filesSetup(options: FilesToolsOptions): FilesSetup {
  checkOptions<FilesToolsOptions>(
    'filesTools',
    options,
    {
      workspace: aWorkspace,
      readOnly: aBoolean,
      maxFileBytes: integer(1, 100 * 1024 * 1024),
      maxCharacters: integer(100, 190_000),
      maxImageBytes: integer(0, 10_000_000),
    },
    ['workspace'],
  )
  const { workspace, readOnly, maxFileBytes, maxCharacters, maxImageBytes } = options
  return {
    workspace,
    readOnly: readOnly ?? filesDefaults.readOnly,
    maxFileBytes: maxFileBytes ?? filesDefaults.maxFileBytes,
    maxCharacters: maxCharacters ?? filesDefaults.maxCharacters,
    maxImageBytes: maxImageBytes ?? filesDefaults.maxImageBytes,
  }
}

/** Resolves with the workspace of a call. */
export async function workspaceOf(
  { workspace }: Pick<FilesSetup, 'workspace'>,
  { sessionKey, agentId, context }: WorkspaceCall,
): Promise<string> {
  return typeof workspace === 'string' ? workspace : workspace({ sessionKey, agentId, context })
}
