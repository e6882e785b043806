/** The part of the sandbox contract about what changes between the approval of a command and its start. */
import { chmod, rename, rm, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import * as assert from './assert.ts'
import type { SandboxUnderTest } from './sandbox-contract.ts'
import { Heard, ran, type SandboxTests } from './sandbox-fixtures.ts'
import { expectRejection } from './store-fixtures.ts'

async function makeScript({ workspace }: SandboxUnderTest, name: string, text = 'echo approved'): Promise<string> {
  const path = join(workspace, name)
  await writeFile(path, `#!/bin/sh\n${text}\n`)
  await chmod(path, 0o755)
  return path
}

/** Prepares a command, changes something, and demands that it does not start. */
async function refusedAfter(
  subject: SandboxUnderTest,
  argv: readonly [string, ...string[]],
  change: () => Promise<unknown>,
  cwd = '.',
): Promise<void> {
  const { sandbox, workspace } = subject
  const prepared = await sandbox.prepare({ argv, workspace, cwd })
  await change()
  const heard = new Heard()
  await expectRejection(sandbox.spawn(prepared, { listener: heard.listener }), 'command-refused')
  assert.equal(heard.exits, [], 'nothing has started')
}

export const changeTests: SandboxTests = {
  async 'a program of the workspace runs as it was prepared'(subject) {
    await makeScript(subject, 'run')
    assert.equal((await ran(subject, ['./run'])).stdout, 'approved\n')
  },
  async 'a program that was changed is refused'(subject) {
    const path = await makeScript(subject, 'run')
    await refusedAfter(subject, ['./run'], () => writeFile(path, '#!/bin/sh\necho changed!\n'))
  },
  async 'a program of the same size that was exchanged is refused'(subject) {
    const path = await makeScript(subject, 'run', 'echo one')
    const other = await makeScript(subject, 'other', 'echo two')
    await refusedAfter(subject, ['./run'], () => rename(other, path))
  },
  async 'a program that is a link now is refused'(subject) {
    const path = await makeScript(subject, 'run')
    await makeScript(subject, 'other')
    await refusedAfter(subject, ['./run'], async () => {
      await rm(path)
      await symlink('other', path)
    })
  },
  async 'a program that is gone is refused'(subject) {
    const path = await makeScript(subject, 'run')
    await refusedAfter(subject, ['./run'], () => rm(path))
  },
  async 'a script of an interpreter that was changed is refused'(subject) {
    const path = await makeScript(subject, 'script.sh')
    await refusedAfter(subject, ['sh', 'script.sh'], () => writeFile(path, 'echo changed'))
  },
  async 'a script of an interpreter that was not there is refused'(subject) {
    await refusedAfter(subject, ['sh', 'script.sh'], () => makeScript(subject, 'script.sh'))
  },
  async 'a working directory that was exchanged is refused'(subject) {
    await ran(subject, ['mkdir', '-p', 'a', 'b'])
    const at = (name: string): string => join(subject.workspace, name)
    await refusedAfter(
      subject,
      ['true'],
      async () => {
        await rename(at('a'), at('c'))
        await rename(at('b'), at('a'))
      },
      'a',
    )
  },
  async 'a working directory that is a link now is refused'(subject) {
    await ran(subject, ['mkdir', '-p', 'a'])
    const at = join(subject.workspace, 'a')
    await refusedAfter(
      subject,
      ['true'],
      async () => {
        await rename(at, `${at}2`)
        await symlink('a2', at)
      },
      'a',
    )
  },
  async 'words that were changed in the store do not run unchecked'({ sandbox, workspace }) {
    const prepared = await sandbox.prepare({ argv: ['echo', 'approved'], workspace })
    const heard = new Heard()
    await expectRejection(sandbox.spawn({ ...prepared, argv: ['ls'] }, { listener: heard.listener }), 'command-refused')
    await expectRejection(sandbox.spawn({ ...prepared, env: { LD_PRELOAD: '/x' } }, { listener: heard.listener }), 'command-refused')
  },
}
