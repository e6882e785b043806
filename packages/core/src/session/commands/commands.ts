/** All commands of a session that need its state, by message type. A new command needs a file and a line in each list here. */
import { BeamClawError } from '../../base/errors.ts'
import type { JsonValue } from '../../base/messages.ts'
import type { AbortReceipt, SendReceipt, SessionHistory } from '../session-replies.ts'
import type { SessionSettings } from '../session-settings.ts'
import type { SessionExport } from '../session-transfer.ts'
import { hasWork } from '../state/has-work.ts'
import type { DeadLetter } from '../state/known-run.ts'
import { type Abort, abort } from './abort.ts'
import { answering, type ReadAnswering } from './answering.ts'
import type { CommandContext } from './command.ts'
import { type Configure, configure } from './configure.ts'
import { deadLetters, type ReadDeadLetters } from './dead-letters.ts'
import { type Decide, decide } from './decide.ts'
import { type ExportSession, exportSession } from './export-session.ts'
import { type Find, find } from './find.ts'
import { history, type ReadHistory } from './history.ts'
import { type ImportHistory, importHistory } from './import-history.ts'
import type { NewMessage } from './message-intake.ts'
import { type AppendRecord, appendRecord, type ReadRecords, readRecords } from './records.ts'
import { type Redrive, redrive } from './redrive.ts'
import { type Rewind, rewind } from './rewind.ts'
import { send } from './send.ts'

/** Asks the loop to resume if there is work. */
interface GoOn {
  readonly type: 'go-on'
}

export type SessionCommand =
  | NewMessage
  | Redrive
  | Abort
  | Find
  | ReadHistory
  | ReadDeadLetters
  | Configure
  | AppendRecord
  | ReadRecords
  | Rewind
  | ImportHistory
  | ExportSession
  | ReadAnswering
  | Decide
  | GoOn

export type CommandReply =
  | SendReceipt
  | AbortReceipt
  | SessionHistory
  | SessionSettings
  | readonly DeadLetter[]
  | SessionExport
  | JsonValue
  | boolean
  | undefined

type Commands = { readonly [C in SessionCommand as C['type']]: (context: CommandContext, message: C) => Promise<CommandReply> }

const commands: Commands = {
  send,
  redrive,
  abort,
  find,
  history,
  'dead-letters': deadLetters,
  configure,
  record: appendRecord,
  records: readRecords,
  rewind,
  import: importHistory,
  export: exportSession,
  answering,
  decide,
  'go-on': async ({ drive, key, dependencies: { activity }, state, loop }) => {
    drive()
    // The node that woke it may strike it off another list now. A run that waits for its next attempt does not know yet that it could not be listed.
    const isAtWork = hasWork(state) && loop.hasStep && !loop.isPaused && !activity.isParked(key)
    await (isAtWork ? activity.begin(key) : activity.written(key))
    return undefined
  },
}

/** Executes a command. Throws `unknown-message` for what is none. Rejects with an error of the command, or with the error that prevented a journal write. */
export function runCommand(context: CommandContext, message: SessionCommand): Promise<CommandReply> {
  if (!Object.hasOwn(commands, message.type)) throw new BeamClawError('unknown-message', 'A session does not know messages of this type')
  const command = commands[message.type] as (context: CommandContext, message: SessionCommand) => Promise<CommandReply>
  return command(context, message)
}
