/** The part of the sandbox contract about requests: what is refused, and what a prepared command says. */
import { access } from 'node:fs/promises'
import { join } from 'node:path'
import type { CommandRequest } from '@beamclaw/core'
import * as assert from './assert.ts'
import { ran, type SandboxTests, shell } from './sandbox-fixtures.ts'
import { expectRejection } from './store-fixtures.ts'

const wrongRequests: Readonly<Record<string, Record<string, unknown>>> = {
  'no word': { argv: [] },
  'a program without a name': { argv: [''] },
  'a word with NUL': { argv: ['echo', 'a\0b'] },
  'a word that is a number': { argv: ['echo', 7] },
  'argv as a text': { argv: 'echo' },
  'a megabyte in one word': { argv: ['echo', 'x'.repeat(1_000_000)] },
  'a million words': { argv: ['echo', ...Array.from({ length: 1_000_000 }, () => 'x')] },
  'no workspace': { workspace: '' },
  'a workspace with NUL': { workspace: '/tmp\0' },
  'a working directory that is absolute': { cwd: '/' },
  'a working directory that leads out': { cwd: '../..' },
  'a limit of nothing': { limits: { cpuSeconds: 0 } },
  'a limit that is no number': { limits: { memoryBytes: Number.NaN } },
  'a limit that there is not': { limits: { hearts: 1 } },
  'a terminal without columns': { terminal: { columns: 0, rows: 1 } },
  'network as a text': { network: 'yes' },
}

const wrongVariables = [
  ...[
    'LD_PRELOAD',
    'LD_LIBRARY_PATH',
    'DYLD_INSERT_LIBRARIES',
    'NODE_OPTIONS',
    'PYTHONPATH',
    'RUBYLIB',
    'PERL5LIB',
    'PATH',
    'HOME',
    'USER',
    'SHELL',
  ],
  ...['BASH_ENV', 'ENV', 'GIT_SSH_COMMAND', 'ld_preload', 'A=B', '', 'A B', '__proto__'],
]

export const prepareTests: SandboxTests = {
  async 'a probe says that it works, and what it enforces'({ sandbox }) {
    const probe = await sandbox.probe()
    assert.matches(probe, { isAvailable: true })
    assert.equal(new Set(probe.enforces).size, probe.enforces.length)
    assert.isTrue(/^[a-z0-9-]{1,64}$/.test(sandbox.id), `the id is 1 to 64 of a-z, 0-9 and -, received ${sandbox.id}`)
  },
  async 'a prepared command is JSON that says what will run, and runs after a way through a store'({ sandbox, workspace }) {
    const argv = shell('echo "$1"', 'a b') as [string, ...string[]]
    const prepared = await sandbox.prepare({ argv, workspace, env: { GREETING: 'hello' } })
    assert.equal(JSON.parse(JSON.stringify(prepared)), prepared)
    assert.matches(prepared, { sandbox: sandbox.id, argv, env: { GREETING: 'hello' }, network: false, limits: {} })
    assert.isTrue(prepared.cwd.startsWith('/'), `the working directory is an absolute path, received ${prepared.cwd}`)
  },
  async 'preparing changes nothing and starts nothing'(subject) {
    await subject.sandbox.prepare({ argv: shell('echo > started'), workspace: subject.workspace })
    assert.equal((await ran(subject, ['ls'])).stdout, '')
    if (subject.isShared === false) return
    const isThere = await access(join(subject.workspace, 'started')).then(
      () => true,
      () => false,
    )
    assert.equal(isThere, false)
  },
  async 'what a caller changes after the call is not seen'({ sandbox, workspace }) {
    const argv: [string, ...string[]] = ['echo', 'one']
    const env = { GREETING: 'one' }
    const preparing = sandbox.prepare({ argv, workspace, env })
    argv[1] = 'two'
    env.GREETING = 'two'
    assert.matches(await preparing, { argv: ['echo', 'one'], env: { GREETING: 'one' } })
  },
  async 'a request that is wrong is refused, whatever is wrong with it'({ sandbox, workspace }) {
    for (const [what, wrong] of Object.entries(wrongRequests)) {
      const request = { argv: ['echo'], workspace, ...wrong } as unknown as CommandRequest
      const error = await expectRejection(sandbox.prepare(request), 'command-refused', 'path-outside-workspace')
      assert.equal(error.kind, 'forbidden', what)
    }
  },
  async 'a variable that may run code or change the search for programs is refused, not dropped'({ sandbox, workspace }) {
    for (const name of wrongVariables) {
      const env = Object.fromEntries([
        ['GREETING', 'hello'],
        [name, 'x'],
      ])
      await expectRejection(sandbox.prepare({ argv: ['echo'], workspace, env }), 'command-refused')
    }
    await expectRejection(sandbox.prepare({ argv: ['echo'], workspace, env: { A: 'a\0b' } }), 'command-refused')
  },
}
