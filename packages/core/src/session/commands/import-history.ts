/** `import`: starts a session with a conversation from elsewhere. */
import { allSettled } from '../../base/all-settled.ts'
import { type ContentOwner, contentsOf, referencesIn } from '../../base/attachments.ts'
import { BeamClawError } from '../../base/errors.ts'
import { parseRunId, type SessionKey } from '../../base/ids.ts'
import type { Fail } from '../../base/message-check.ts'
import type { Message } from '../../base/messages.ts'
import { needsKeeping } from '../attachments/keep-content.ts'
import type { ImportedContext, ImportedMessage } from '../journal/records.ts'
import { unknownSession } from '../journal/store-failure-codes.ts'
import { journalKey } from '../session-names.ts'
import type { SessionSettings } from '../session-settings.ts'
import { type CommandContext, StateDiscarded } from './command.ts'
import { rest } from './with-activity.ts'

export interface ImportHistory {
  readonly type: 'import'
  readonly messages: readonly ImportedMessage[]
  readonly context?: ImportedContext
  readonly settings: SessionSettings
  /** The session whose attachments the messages refer to; absent where they have them. */
  readonly forkOf?: SessionKey
}

const refused: Fail = (problem) => new BeamClawError('invalid-message', `import: ${problem}`)

/** One record holds everything. The settings document is written after it; if that fails, the next load of the session restores the document. */
export async function importHistory(context: CommandContext, command: ImportHistory): Promise<undefined> {
  checkUnbegun(context)
  const { context: shown, settings } = command
  const { key, journal, settings: document, dependencies } = context
  const needsStore = command.messages.some(({ message }) => contentsOf(message).some((content) => needsKeeping(content, ownerOf(message))))
  const messages = needsStore ? await kept(context, command) : command.messages
  checkUnbegun(context)
  const own = Object.keys(settings).length === 0 ? {} : { settings }
  const summarised = shown === undefined ? {} : { context: shown }
  journal.stage({ type: 'history-import', runId: parseRunId(dependencies.services.ids.next('import')), messages, ...summarised, ...own })
  await allSettled([dependencies.activity.begin(key), journal.flush()])
  try {
    if ('settings' in own) await document.change(settings)
  } finally {
    rest(context)
  }
  return undefined
}

function checkUnbegun({ key, state, settings, isLoaded }: CommandContext): void {
  if (!isLoaded()) throw new StateDiscarded()
  if (state.seq === 0 && !settings.isStored) return
  throw new BeamClawError('session-exists', `Session "${key}" exists; delete it first, or import under another key`, {
    details: { sessionKey: key },
  })
}

/** Resolves with the messages, their attachments durable. */
async function kept(context: CommandContext, command: ImportHistory): Promise<readonly ImportedMessage[]> {
  const { messages, forkOf } = command
  if (forkOf !== undefined) return shared(context, command, forkOf)
  const all: ImportedMessage[] = []
  for (const [index, entry] of messages.entries()) {
    all.push({ ...entry, message: await context.attachments.keepMessage(entry.message, `messages[${index}]`, refused) })
  }
  return all
}

/** Resolves with the messages once the session has the attachments that they refer to, as far as the other session had them. */
async function shared(
  { attachments, dependencies }: CommandContext,
  { messages }: ImportHistory,
  forkOf: SessionKey,
): Promise<readonly ImportedMessage[]> {
  const ids = idsIn(messages.map(({ message }) => message))
  if (ids.length === 0) return messages
  const { store, tenant } = dependencies
  const from = journalKey(tenant, forkOf)
  const found = await attachments.share(from, ids)
  if (found.length === ids.length) return messages
  // Attachments are deleted after the journal: without them, the other session may have been deleted meanwhile.
  const page = await store.readLog(from, { limit: 1 })
  if (page === undefined || page.lastSeq === 0) throw unknownSession(forkOf)
  return messages
}

function ownerOf({ role }: Message): ContentOwner {
  return role === 'tool' ? 'tool' : 'user'
}

function idsIn(messages: readonly Message[]): readonly string[] {
  return [...new Set(messages.flatMap((message) => referencesIn(message).map(({ blob }) => blob)))]
}
