/** `configure`: changes the settings of this session. */
import type { SessionSettings, SessionSettingsPatch } from '../session-settings.ts'
import type { CommandContext } from './command.ts'

export interface Configure {
  readonly type: 'configure'
  readonly changes: SessionSettingsPatch
}

export function configure({ settings }: CommandContext, { changes }: Configure): Promise<SessionSettings> {
  return settings.change(changes)
}
