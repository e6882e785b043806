// Commands on a real SSH server of this machine.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type SandboxUnderTest, sandboxContract } from '@beamclaw/testkit'
import { afterAll, describe, expect, it } from 'vitest'
import { quoted, remoteDirectory, remoteText } from './remote-script.ts'
import { SshSandbox } from './ssh-sandbox.ts'
import { sandboxUnderTest } from './testing/sandboxes.ts'
import { noSshServer, startSshServer } from './testing/ssh-server.ts'

const server = noSshServer === undefined ? await startSshServer() : undefined
afterAll(() => server?.stop())

const options = server?.options ?? { host: 'none', knownHosts: '/none', identityFile: '/none' }
const make = (): SandboxUnderTest => sandboxUnderTest(options)
const listener = { onOutput: () => undefined, onExit: () => undefined }

describe.skipIf(noSshServer !== undefined)(`over a real server ${noSshServer ?? ''}`, () => {
  sandboxContract('SshSandbox', make, {
    describe,
    it,
    deadlineMs: 25_000,
    skip: { change: 'files of another machine are not read before a command starts' },
  })

  it('says why there is no connection, without waiting', async () => {
    const { sandbox, workspace, dispose } = make()
    const other = join(workspace, 'known')
    writeFileSync(other, '')
    for (const wrong of [{ knownHosts: other }, { identityFile: other }, { port: 1 }]) {
      const broken = new SshSandbox({ ...options, ...wrong })
      expect(await broken.probe()).toMatchObject({ isAvailable: false, reason: expect.stringContaining('ssh failed') })
      const prepared = await broken.prepare({ argv: ['true'], workspace })
      await expect(broken.spawn(prepared, { listener })).rejects.toMatchObject({ code: 'sandbox-unavailable' })
    }
    expect(await sandbox.probe()).toMatchObject({ isAvailable: true })
    await dispose?.()
  })

  it('refuses a folder that is not there, and a detached command', async () => {
    const { sandbox, workspace, dispose } = make()
    const nowhere = await sandbox.prepare({ argv: ['true'], workspace, cwd: 'none' })
    await expect(sandbox.spawn(nowhere, { listener })).rejects.toMatchObject({ code: 'command-refused' })
    const prepared = await sandbox.prepare({ argv: ['true'], workspace })
    await expect(sandbox.spawn(prepared, { listener, isDetached: true })).rejects.toMatchObject({ code: 'command-refused' })
    await dispose?.()
  })
})

describe('the text for the other machine', () => {
  it.each(["'", "''", 'a b', '$x', '`x`', '\\', '\n', '!', ''])('quotes %j', (word) => {
    expect(quoted(word)).toMatch(/^'(?:[^']|'\\'')*'$/)
  })
  it('has every word in quotes, and only digits in limits', () => {
    const text = remoteText({
      mark: 'm',
      directory: '/w',
      argv: ["a'b", '$(id)'],
      env: { PATH: '/bin', A: "x'y" },
      limits: { openFiles: 9 },
    })
    expect(text).toContain("'a'\\''b' '$(id)'")
    expect(text).toContain("'A=x'\\''y'")
    expect(text).toContain('ulimit -n 9')
  })
  it.each([
    ['.', '/w'],
    ['a/../b', '/w/b'],
    ['..', undefined],
    ['/etc', undefined],
    ['../w2', undefined],
    ['a/../../x', undefined],
    ['/w/a', '/w/a'],
    ['..a', '/w/..a'],
  ])('takes %j for %j', (cwd, directory) => expect(remoteDirectory('/w', cwd)).toBe(directory))
})

describe('options', () => {
  it.each([
    { host: '-oProxyCommand=x' },
    { user: '-x' },
    { knownHosts: '/a b' },
    { knownHosts: 'relative' },
    { identityFile: '/a%h' },
    { port: 0 },
    { id: 'A' },
    { host: 'a b' },
  ])('%j are refused', (wrong) =>
    expect(() => new SshSandbox({ ...options, ...wrong })).toThrow(expect.objectContaining({ code: 'invalid-option' })),
  )
})
