/** The sandbox of the configuration, in which `exec` runs commands. */
import type { Logger, Sandbox } from '@beamclaw/core'
import type { ToolsConfig } from './config/schema.ts'
import type { Settings } from './config/settings.ts'

/** Resolves with the sandbox that is named; with the first that works for `auto`, else with one that refuses each command. Rejects `invalid-option`. */
export async function sandboxOf({ tools: { exec = {} }, skills }: Pick<Settings, 'tools' | 'skills'>, logger: Logger): Promise<Sandbox> {
  const { sandbox = 'auto', image } = exec
  const kit = await import('@beamclaw/tools')
  // Skills have scripts, which commands run.
  const readOnly = new kit.SkillFolders({ folders: skills.folders }).realFolders
  switch (sandbox) {
    case 'auto':
      return await kit.autoSandbox({ bubblewrap: { readOnly }, ...(image === undefined ? {} : { docker: { image } }) })
    case 'bubblewrap':
      return new kit.BubblewrapSandbox({ logger, readOnly })
    case 'docker':
    case 'podman':
      return new kit.DockerSandbox({ engine: sandbox, image: image ?? '' })
    case 'local':
      return new kit.LocalSandbox({ logger })
    case 'deny':
      return new kit.DenySandbox('Commands are turned off in the configuration: tools.exec.sandbox is "deny".')
  }
}

/** Resolves with why commands cannot run; with undefined where they can, and where they are turned off on purpose. */
export async function whyNoCommands({ exec = {} }: ToolsConfig, sandbox: Sandbox): Promise<string | undefined> {
  if (exec.sandbox === 'deny') return undefined
  const { isAvailable, reason = 'it does not say why' } = await sandbox.probe()
  return isAvailable ? undefined : reason
}
