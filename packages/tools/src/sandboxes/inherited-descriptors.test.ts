// What was open when the host was started is not open in its commands: an open folder would lead out of any sandbox.
import { spawnSync } from 'node:child_process'
import { closeSync, mkdtempSync, openSync, realpathSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, onTestFinished, test } from 'vitest'
import { BubblewrapSandbox } from './bubblewrap-sandbox.ts'

const probe = await new BubblewrapSandbox().probe()
const host = fileURLToPath(new URL('./testing/leaky-host.ts', import.meta.url))

describe.skipIf(process.platform !== 'linux')('a folder that the host was started with', () => {
  test.each(probe.isAvailable ? ['local', 'bubblewrap'] : ['local'])('is not open in a command of %s', (name) => {
    const workspace = realpathSync(mkdtempSync(join(tmpdir(), 'leaky-')))
    const folder = openSync('/etc', 'r')
    onTestFinished(() => {
      closeSync(folder)
      rmSync(workspace, { recursive: true, force: true })
    })
    // Far from the first ones, which Node closes itself.
    const stdio = ['ignore', 'pipe', 'inherit', ...Array.from({ length: 47 }, () => 'ignore' as const), folder] as const
    const { stdout } = spawnSync(process.execPath, ['--conditions=beamclaw:source', host, name, workspace], { stdio: [...stdio] })
    expect(stdout.toString().trim().split(/\s+/)).toEqual(['/dev/null', expect.stringMatching(/^(?:\/dev\/null|none)$/)])
  })
})
