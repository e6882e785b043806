/** The sandboxes of this package for the contract, each over a directory of its own. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, realpathSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { JsonObject, Sandbox } from '@beamclaw/core'
import type { SandboxUnderTest } from '@beamclaw/testkit'
import { BubblewrapSandbox } from '../bubblewrap-sandbox.ts'
import { DockerSandbox, type DockerSandboxOptions } from '../docker-sandbox.ts'
import { LocalSandbox } from '../local-sandbox.ts'
import { SshSandbox, type SshSandboxOptions } from '../ssh-sandbox.ts'

export type SandboxName = 'local' | 'bubblewrap' | SshSandboxOptions | { readonly docker: DockerSandboxOptions }

export function makeSandbox(name: SandboxName, scratch: string): Sandbox {
  const options = { stateDirectory: join(scratch, 'state') }
  if (typeof name === 'object') return 'docker' in name ? new DockerSandbox(name.docker) : new SshSandbox(name)
  return name === 'local' ? new LocalSandbox(options) : new BubblewrapSandbox(options)
}

const host = fileURLToPath(new URL('./doomed-host.ts', import.meta.url))

/** Returns a sandbox with an empty workspace, and a way to lose the process that uses it. */
export function sandboxUnderTest(name: SandboxName): SandboxUnderTest {
  const scratch = realpathSync(mkdtempSync(join(tmpdir(), 'beamclaw-sandbox-')))
  const workspace = join(scratch, 'workspace')
  mkdirSync(workspace)
  return {
    sandbox: makeSandbox(name, scratch),
    workspace,
    spawnInDoomedHost: (argv, isDetached) => spawnInDoomedHost(name, scratch, argv, isDetached),
    dispose: async () => rmSync(scratch, { recursive: true, force: true }),
  }
}

/** As `SandboxUnderTest.spawnInDoomedHost`, with the workspace in the scratch directory. */
export async function spawnInDoomedHost(
  name: SandboxName,
  scratch: string,
  argv: readonly string[],
  isDetached: boolean,
): Promise<JsonObject> {
  const task = JSON.stringify({ name, argv, isDetached, workspace: join(scratch, 'workspace'), scratch })
  const { NODE_OPTIONS: _, ...env } = process.env
  const child = spawn(process.execPath, ['--conditions=beamclaw:source', host, task], { env, stdio: ['ignore', 'pipe', 'inherit'] })
  const [line] = (await once(createInterface({ input: child.stdout }), 'line')) as [string]
  const gone = once(child, 'exit')
  child.kill('SIGKILL')
  await gone
  return JSON.parse(line)
}
