// What bwrap is told to do, seen from inside.
import { mkdtempSync, realpathSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { BubblewrapSandbox } from './bubblewrap-sandbox.ts'
import { bubblewrapWords, workspaceInside } from './bubblewrap-words.ts'
import { loadTerminals } from './terminal-channel.ts'

const probe = await new BubblewrapSandbox().probe()
const terminals = await loadTerminals()

/** Resolves with what a command prints when bwrap itself is started in a terminal, as from a shell. */
async function inTerminal(hasTerminal: boolean, command: string): Promise<string> {
  const workspace = realpathSync(mkdtempSync(join(tmpdir(), 'words-')))
  onTestFinished(() => rmSync(workspace, { recursive: true, force: true }))
  const words = bubblewrapWords({
    ...{ workspace, cwd: workspaceInside, network: false, uid: 65_534, gid: 65_534, readOnly: [], temporaryBytes: 4_096 },
    ...{ hasTerminal, isDetached: false, reportFd: undefined },
  })
  const size = { cols: 80, rows: 24 }
  const opened = terminals?.spawn('/usr/bin/bwrap', [...words, '/bin/sh', '-c', command], {
    ...{ ...size, cwd: '/', env: {}, name: 'dumb', encoding: null },
  })
  if (opened === undefined) return expect.unreachable()
  let text = ''
  opened.onData((chunk: unknown) => {
    text += String(chunk)
  })
  await new Promise((resolve) => opened.onExit(resolve))
  return text
}

describe.skipIf(!probe.isAvailable || terminals === undefined)('the controlling terminal of bwrap', () => {
  const command = '(: < /dev/tty) 2>/dev/null && echo opened || echo refused; sleep 0.1'

  test('cannot be opened by a command without a terminal: it could type into it', async () => {
    expect(await inTerminal(false, command)).toBe('refused\r\n')
  })

  test('is for the command where it has one', async () => {
    expect(await inTerminal(true, command)).toBe('opened\r\n')
  })
})
