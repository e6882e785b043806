/** The tools that change files: `write_file` and `edit_file`. */
import { defineTool, type PlanContext, type Tool, type ToolContext } from '@beamclaw/core'
import { z } from 'zod'
import { editText, type TextEdit } from './edit-text.ts'
import { applyChange, type FileChange, plannedChange } from './file-change.ts'
import { fileFailed, inWords } from './file-errors.ts'
import { type FilesSetup, workspaceOf } from './files-options.ts'
import type { KeyedQueue } from './keyed-queue.ts'
import { checkApproved, highRisk, planOf } from './risk.ts'
import { decodeFile, encodeFile } from './text-file.ts'

type Call = Pick<PlanContext, 'sessionKey' | 'agentId' | 'context'>

/** How a call changes the content of its file; `undefined` is no file. */
type Edit<TInput> = (input: TInput) => (old: Buffer | undefined) => Buffer

const path = z.string().min(1).max(4096).describe('The path of the file, relative to the workspace')

/** Returns the tool that replaces a whole file. */
export function writeFileTool(setup: FilesSetup, queue: KeyedQueue): Tool<{ readonly path: string; readonly content: string }, unknown> {
  const input = z.object({ path, content: z.string().max(setup.maxFileBytes).describe('The whole new content') })
  return changingTool(setup, queue, {
    name: 'write_file',
    description: 'Creates a file, with the folders on the way, or replaces its whole content. To change a part of a file use edit_file.',
    input,
    edit:
      ({ content }) =>
      () =>
        Buffer.from(content.toWellFormed()),
  })
}

/** Returns the tool that replaces a piece of a file. */
export function editFileTool(
  setup: FilesSetup,
  queue: KeyedQueue,
): Tool<{ readonly path: string; readonly oldText: string; readonly newText: string; readonly replaceAll?: boolean | undefined }, unknown> {
  const input = z.object({
    path,
    oldText: z.string().min(1).max(setup.maxFileBytes).describe('The exact text to replace, with its spaces; it must be found once'),
    newText: z.string().max(setup.maxFileBytes).describe('The text to put there'),
    replaceAll: z.boolean().optional().describe('Whether to replace every place. Default false'),
  })
  return changingTool(setup, queue, {
    name: 'edit_file',
    description:
      'Replaces a piece of a text file. The piece must be found exactly once, unless replaceAll is set. Line ends and a byte order mark stay.',
    input,
    edit: ({ path: given, replaceAll = false, ...texts }) => editOf(given, { ...texts, replaceAll, maxCharacters: setup.maxFileBytes }),
  })
}

function editOf(path: string, edit: TextEdit): (old: Buffer | undefined) => Buffer {
  return (old) => {
    if (old === undefined) throw fileFailed(path, 'there is no such file. Create it with write_file')
    const file = decodeFile(path, old)
    return encodeFile({ ...file, text: editText(path, file.text, edit).text.toWellFormed() })
  }
}

interface ChangingTool<TInput> {
  readonly name: string
  readonly description: string
  readonly input: z.ZodType<TInput>
  readonly edit: Edit<TInput>
}

function changingTool<TInput extends { readonly path: string }>(
  setup: FilesSetup,
  queue: KeyedQueue,
  { name, description, input, edit }: ChangingTool<TInput>,
): Tool<TInput, unknown> {
  const prepare = async (given: TInput, call: Call): Promise<{ readonly root: string; readonly change: FileChange }> => {
    const root = await workspaceOf(setup, call)
    const change = await plannedChange({ root, path: given.path, maxFileBytes: setup.maxFileBytes }, edit(given))
    return { root, change }
  }
  return defineTool({
    name,
    description,
    input,
    maxAttempts: 1,
    ...highRisk<TInput>((given, context) => inWords(given.path, async () => planOf((await prepare(given, context)).change))),
    execute: async (given: TInput, context: ToolContext) =>
      inWords(given.path, async () => {
        const place = await prepare(given, context)
        // Looked at again in the queue: an edit before this one may have changed the file.
        return queue.run(place.change.realPath, async () => {
          context.signal.throwIfAborted()
          const { root, change } = await prepare(given, context)
          checkApproved(change, context)
          if (change.before === change.after) return `${change.path} has this content already.`
          await applyChange(root, change)
          return resultOf(change, setup.maxCharacters)
        })
      }),
  })
}

function resultOf({ path: shown, before, diff, content }: FileChange, maxCharacters: number): string {
  const head = before === null ? `Created ${shown} (${content.length} bytes).` : `Changed ${shown}:`
  if (before === null) return head
  if (diff.length <= maxCharacters) return `${head}\n${diff}`
  return `${head}\n${diff.slice(0, maxCharacters).toWellFormed()}\n… ${diff.length - maxCharacters} more characters of the difference`
}
