/** Where a sandbox of this host keeps the output of detached commands. */
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { commandRefused } from './command-error.ts'
import { detachedWords } from './detached-files.ts'
import type { HostSandboxOptions } from './sandbox-options.ts'
import { hostSandboxDefaults } from './sandbox-options.ts'

/** The directory of one detached command, and the words in front of it. */
export interface DetachedPlace {
  readonly directory: string
  readonly words: readonly [string, ...string[]]
}

/** Removes what is left of a detached command of which the mark alone is known. */
export function removeDetachedPlace(mark: string, { stateDirectory }: HostSandboxOptions): void {
  if (stateDirectory !== undefined) rmSync(join(stateDirectory, `detached-${mark}`), { recursive: true, force: true })
}

/** Makes the place of a detached command. Throws `command-refused` where there can be none. */
export function detachedPlace(mark: string, { stateDirectory, detachedOutputBytes }: HostSandboxOptions): DetachedPlace {
  if (process.platform !== 'linux') throw commandRefused('a detached command needs Linux, where a process can be told from a later one')
  if (stateDirectory === undefined)
    throw commandRefused('a detached command needs the option "stateDirectory" of the sandbox, for its output')
  const directory = join(stateDirectory, mark)
  try {
    return { directory, words: detachedWords(directory, detachedOutputBytes ?? hostSandboxDefaults.detachedOutputBytes) }
  } catch (error) {
    throw commandRefused(`nothing can be written to ${JSON.stringify(stateDirectory)}`, error)
  }
}
