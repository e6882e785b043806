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
import { LocalSandbox } from '../local-sandbox.ts'

export type SandboxName = 'local' | 'bubblewrap'

export function makeSandbox(name: SandboxName, scratch: string): Sandbox {
  const options = { stateDirectory: join(scratch, 'state') }
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
    spawnInDoomedHost: (argv, isDetached) => spawnAndKill(JSON.stringify({ name, argv, isDetached, workspace, scratch })),
    dispose: async () => rmSync(scratch, { recursive: true, force: true }),
  }
}

async function spawnAndKill(task: string): Promise<JsonObject> {
  const { NODE_OPTIONS: _, ...env } = process.env
  const child = spawn(process.execPath, ['--conditions=beamclaw:source', host, task], { env, stdio: ['ignore', 'pipe', 'inherit'] })
  const [line] = (await once(createInterface({ input: child.stdout }), 'line')) as [string]
  const gone = once(child, 'exit')
  child.kill('SIGKILL')
  await gone
  return JSON.parse(line)
}
