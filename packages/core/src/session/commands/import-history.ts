/** `import`: starts a session with a conversation from elsewhere. */
import { BeamClawError } from '../../base/errors.ts'
import { parseRunId } from '../../base/ids.ts'
import type { ImportedContext, ImportedMessage } from '../journal/records.ts'
import type { SessionSettings } from '../session-settings.ts'
import type { CommandContext } from './command.ts'
import { withActivity } from './with-activity.ts'

export interface ImportHistory {
  readonly type: 'import'
  readonly messages: readonly ImportedMessage[]
  readonly context?: ImportedContext
  readonly settings: SessionSettings
}

/** One record holds everything. The settings document is written after it; if that fails, the next load of the session restores the document. */
export async function importHistory(context: CommandContext, { messages, context: shown, settings }: ImportHistory): Promise<undefined> {
  const { key, state, journal, settings: document, dependencies } = context
  if (state.seq > 0 || document.isStored) {
    throw new BeamClawError('session-exists', `Session "${key}" exists; delete it first, or import under another key`, {
      details: { sessionKey: key },
    })
  }
  const own = Object.keys(settings).length === 0 ? {} : { settings }
  const summarised = shown === undefined ? {} : { context: shown }
  journal.stage({ type: 'history-import', runId: parseRunId(dependencies.services.ids.next('import')), messages, ...summarised, ...own })
  await withActivity(context)
  if ('settings' in own) await document.change(settings)
  return undefined
}
