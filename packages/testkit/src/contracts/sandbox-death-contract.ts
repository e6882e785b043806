/** The part of the sandbox contract about the death of the process that has started a command. */
import type { SandboxProcess } from '@beamclaw/core'
import * as assert from './assert.ts'
import type { SandboxUnderTest } from './sandbox-contract.ts'
import { AlivePipe, Heard, type SandboxTests, shell } from './sandbox-fixtures.ts'
import { expectRejection } from './store-fixtures.ts'

function doomed({ spawnInDoomedHost }: SandboxUnderTest): NonNullable<SandboxUnderTest['spawnInDoomedHost']> {
  if (spawnInDoomedHost === undefined)
    throw new Error('sandboxContract: give `spawnInDoomedHost`, or skip the section "death" with a reason')
  return spawnInDoomedHost
}

async function attached(
  { sandbox }: SandboxUnderTest,
  identity: Parameters<NonNullable<typeof sandbox.attach>>[0],
): Promise<[SandboxProcess | undefined, Heard]> {
  const heard = new Heard()
  return [await sandbox.attach?.(identity, heard.listener), heard]
}

const loop = "trap 'exit 6' TERM; i=0; while test -e . ; do echo round $i; i=$((i+1)); sleep 0.05; done"

export const deathTests: SandboxTests = {
  async 'a command and all its children end with the process that has started it, however that ends'(subject) {
    const pipe = await AlivePipe.make(subject)
    await doomed(subject)(shell('exec 9>alive; env -i sleep 1000 & setsid sleep 1000 & echo ready; sleep 1000'), false)
    await pipe.gone()
  },
  async 'what is left of a command is reaped, and reaping again does no harm'(subject) {
    const pipe = await AlivePipe.make(subject)
    const identity = await doomed(subject)(shell('exec 9>alive; echo ready; sleep 1000'), false)
    await subject.sandbox.reap?.(identity)
    await subject.sandbox.reap?.(identity)
    await pipe.gone()
  },
  async 'a command of which only the mark is known is reaped, and no other one'(subject) {
    const { sandbox } = subject
    if (sandbox.reap === undefined) return
    const [mark, other] = ['0123456789abcdef01234567', '76543210fedcba9876543210']
    const begin = async (own: string) => {
      const heard = new Heard()
      const prepared = await sandbox.prepare({ argv: shell('echo ready; sleep 1000'), workspace: subject.workspace })
      const process = await sandbox.spawn(prepared, { listener: heard.listener, mark: own })
      await heard.output('ready')
      return { heard, process }
    }
    const [one, two] = [await begin(mark), await begin(other)]
    await sandbox.reap({ sandbox: sandbox.id, mark })
    await one.heard.exit
    assert.equal(await two.process.signal('SIGCONT'), true)
    await two.process.signal('SIGKILL')
    await two.heard.exit
    await expectRejection(begin('../not-a-mark'), 'command-refused')
  },
  async 'an identity that is none reaps and attaches nothing'(subject) {
    const { sandbox } = subject
    for (const identity of [
      {},
      { pid: process.pid },
      { sandbox: sandbox.id, pid: -1 },
      { sandbox: sandbox.id, pid: process.ppid, startTime: '1' },
    ]) {
      await sandbox.reap?.(identity)
      assert.equal(await sandbox.attach?.(identity, new Heard().listener), undefined)
    }
  },
  async 'a detached command goes on, and is found again with its output and its end'(subject) {
    if (subject.sandbox.attach === undefined) return
    const identity = await doomed(subject)(shell(loop), true)
    const [found, heard] = await attached(subject, identity)
    await heard.output('round')
    assert.equal(await found?.signal('SIGTERM'), true)
    assert.matches(await heard.exit, { code: 6, survivors: 0 })
    assert.equal((await attached(subject, identity))[0], undefined)
  },
  async 'a detached command that was found again is killed with all its children'(subject) {
    if (subject.sandbox.attach === undefined) return
    const pipe = await AlivePipe.make(subject)
    const [found, heard] = await attached(subject, await doomed(subject)(shell('exec 9>alive; sleep 1000 & echo ready; wait'), true))
    assert.equal(await found?.signal('SIGKILL'), true)
    assert.matches(await heard.exit, { signal: 'SIGKILL', survivors: 0 })
    await pipe.gone()
  },
}
