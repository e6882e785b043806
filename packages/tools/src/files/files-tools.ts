/** The tools for files of one workspace. */
import type { Tool } from '@beamclaw/core'
import { type FilesToolsOptions, filesSetup } from './files-options.ts'
import { KeyedQueue } from './keyed-queue.ts'
import { listFilesTool } from './list-files.ts'
import { readFileTool } from './read-file.ts'
import { searchFilesTool } from './search-files.ts'
import { editFileTool, writeFileTool } from './write-tools.ts'

/**
 * Returns the tools `read_file`, `list_files`, `search_files` and, unless `readOnly` is set, `write_file` and `edit_file`. They reach nothing outside the
 * workspace, whatever a path or a link says. Calls reject `path-outside-workspace`, `document-too-large` and `tool-failed`. Throws `invalid-option`.
 *
 * @example
 * const writer = defineAgent({ id: 'writer', model: 'anthropic/claude-sonnet-4-5', tools: filesTools({ workspace: '/srv/work' }) })
 */
export function filesTools(options: FilesToolsOptions): readonly Tool<never, unknown>[] {
  const setup = filesSetup(options)
  const reading = [readFileTool(setup), listFilesTool(setup), searchFilesTool(setup)]
  const queue = new KeyedQueue()
  return setup.readOnly ? reading : [...reading, writeFileTool(setup, queue), editFileTool(setup, queue)]
}
