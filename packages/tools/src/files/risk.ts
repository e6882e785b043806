/** The approval of calls that change files. */
import type { PlanContext, ToolContext, ToolPlan } from '@beamclaw/core'
import type { FileChange } from './file-change.ts'
import { fileFailed } from './file-errors.ts'

/** Returns the plan of a call; it changes nothing. */
export type FilePlanner<TInput> = (input: TInput, context: PlanContext) => Promise<ToolPlan>

/** Returns the options that make a tool ask before it runs. */
export function highRisk<TInput>(plan: FilePlanner<TInput>): { readonly risk: 'high'; readonly plan: FilePlanner<TInput> } {
  return { risk: 'high', plan }
}

/** Returns the plan of a change: its display has the path and every changed line, or says that there are too many to show; its permit names the real path. */
export function planOf({ path, realPath, diff, before, after }: FileChange): ToolPlan {
  return {
    display: `${before === null ? 'Create' : 'Change'} ${realPath}\n${diff === '' ? '(no line changes)' : diff}`,
    detail: { path, realPath, before, after },
    permits: [{ subject: `files:write:${realPath}`, args: [] }],
  }
}

/** Throws `tool-failed` when the change is no longer the approved one: the file has another content, or the path leads to another file. */
export function checkApproved(change: FileChange, { plan: approved }: Pick<ToolContext, 'plan'>): void {
  if (approved === undefined || approved === null) return
  const { realPath, before, after } = approved as unknown as FileChange
  if (realPath === change.realPath && before === change.before && after === change.after) return
  throw fileFailed(change.path, 'it has changed since this call was planned. Read it and try again')
}
