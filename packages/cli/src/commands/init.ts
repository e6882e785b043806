/** `beamclaw init`: writes a starter configuration, without prompts. */
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { ClientError } from '../client/client-error.ts'
import type { Environment } from '../config/load.ts'
import { say, sayJson } from '../output.ts'
import { type StarterProvider, starterConfig } from './starter-config.ts'

export interface InitFlags {
  readonly provider?: StarterProvider
  readonly force?: boolean
  readonly json?: boolean
}

export async function init(
  named: string | undefined,
  { provider = providerIn(process.env), force = false, json = false }: InitFlags,
): Promise<void> {
  const file = resolve(named ?? 'beamclaw.yaml')
  try {
    if (!existsSync(dirname(file))) mkdirSync(dirname(file), { recursive: true })
    // The user may add secrets to the file.
    writeFileSync(file, starterConfig(provider), { flag: force ? 'w' : 'wx', mode: 0o600 })
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    if (code === 'EEXIST') throw new ClientError('file-exists', `${file} is there already; --force writes over it`)
    throw new ClientError('not-written', `${file} cannot be written: ${message}`, error)
  }
  if (json) return sayJson({ file, provider })
  say(`${file} is written, for the provider ${provider}`)
  const isDefault = file === resolve('beamclaw.yaml')
  say(`Look into it, then: beamclaw start${isDefault ? '' : ` --config ${quoted(named ?? file)}`}`)
}

/** Returns the path, quoted for a shell if necessary. */
function quoted(path: string): string {
  return /^[\w./@%+=:,-]+$/.test(path) ? path : `'${path.replaceAll("'", `'\\''`)}'`
}

function providerIn({ ANTHROPIC_API_KEY: anthropic, OPENAI_API_KEY: openai }: Environment): StarterProvider {
  return anthropic ? 'anthropic' : openai ? 'openai' : 'demo'
}
