/** The choice of a sandbox by what works on this machine. */
import type { Sandbox } from '@beamclaw/core'
import { anObject, checkOptions } from '@beamclaw/core/adapter'
import { BubblewrapSandbox, type BubblewrapSandboxOptions } from './bubblewrap-sandbox.ts'
import { DenySandbox } from './deny-sandbox.ts'
import { DockerSandbox, type DockerSandboxOptions } from './docker-sandbox.ts'

/** Options of `autoSandbox`. */
export interface AutoSandboxOptions {
  /** Options of the `BubblewrapSandbox`. @default {} */
  readonly bubblewrap?: BubblewrapSandboxOptions
  /** Options of the `DockerSandbox`, for Docker and for Podman; without them, and the image in them, neither is tried. @default none */
  readonly docker?: Omit<DockerSandboxOptions, 'engine'>
}

/**
 * Resolves with the first that works of bubblewrap, Docker and Podman; else with a `DenySandbox` that says why each of them does not. Never with the host
 * itself: that is the caller's own choice, by `LocalSandbox`.
 *
 * @example
 * const sandbox = await autoSandbox()
 * console.log(sandbox.id, await sandbox.probe())
 */
export async function autoSandbox(options: AutoSandboxOptions = {}): Promise<Sandbox> {
  checkOptions<AutoSandboxOptions>('autoSandbox', options, { bubblewrap: anObject, docker: anObject })
  const { bubblewrap = {}, docker } = options
  const candidates: readonly Sandbox[] = [
    new BubblewrapSandbox(bubblewrap),
    ...(docker === undefined
      ? []
      : [new DockerSandbox({ ...docker, engine: 'docker' }), new DockerSandbox({ ...docker, engine: 'podman' })]),
  ]
  const reasons: string[] = []
  for (const sandbox of candidates) {
    const { isAvailable, reason = 'it does not say why.' } = await sandbox.probe()
    if (isAvailable) return sandbox
    reasons.push(`${sandbox.id}: ${reason}`)
  }
  if (docker === undefined) reasons.push('docker and podman: not tried, for the option "docker" names no image.')
  return new DenySandbox(
    `No sandbox that contains a command works here. ${reasons.join(' ')} LocalSandbox, which contains nothing, must be chosen on purpose.`,
  )
}
