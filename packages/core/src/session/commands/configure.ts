/** `configure`: changes the settings of this session. */
import type { SessionSettings, SessionSettingsPatch } from '../session-settings.ts'
import type { CommandContext } from './command.ts'
import { rest } from './with-activity.ts'

export interface Configure {
  readonly type: 'configure'
  readonly changes: SessionSettingsPatch
}

/** The session is listed as busy before its settings change, so that after a crash it is woken, and lists show what is stored. */
export async function configure(context: CommandContext, { changes }: Configure): Promise<SessionSettings> {
  const { key, settings, dependencies } = context
  await dependencies.activity.begin(key)
  try {
    return await settings.change(changes)
  } finally {
    rest(context)
  }
}
