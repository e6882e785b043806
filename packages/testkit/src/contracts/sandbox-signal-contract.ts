/** The part of the sandbox contract about signals and about children. */
import * as assert from './assert.ts'
import { AlivePipe, type SandboxTests, shell, started } from './sandbox-fixtures.ts'

export const signalTests: SandboxTests = {
  async 'SIGTERM ends a command, and is told'(subject) {
    const { running, heard } = await started(subject, ['sleep', '1000'])
    assert.equal(await running.signal('SIGTERM'), true)
    assert.equal(await heard.exit, { code: undefined, signal: 'SIGTERM', survivors: 0 })
  },
  async 'SIGKILL ends a command, and is told'(subject) {
    const { running, heard } = await started(subject, ['sleep', '1000'])
    assert.equal(await running.signal('SIGKILL'), true)
    assert.equal(await heard.exit, { code: undefined, signal: 'SIGKILL', survivors: 0 })
  },
  async 'a command may catch SIGTERM and SIGINT, and end as it likes'(subject) {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) {
      const { running, heard } = await started(
        subject,
        shell("trap 'echo caught; exit 5' TERM INT; echo ready; while :; do sleep 0.02; done"),
      )
      await heard.output('ready')
      await running.signal(signal)
      assert.matches(await heard.exit, { code: 5, survivors: 0 })
      assert.isTrue(heard.stdout.includes('caught'), `${signal} reaches the command`)
    }
  },
  async 'a command that ignores SIGTERM goes on, and SIGKILL ends it'(subject) {
    const { running, heard } = await started(subject, shell('trap \'\' TERM; echo ready; while read line; do echo "got $line"; done'))
    await heard.output('ready')
    assert.equal(await running.signal('SIGTERM'), true)
    await running.write(Buffer.from('it\n'))
    await heard.output('got it')
    assert.equal(heard.exits.length, 0)
    await running.signal('SIGKILL')
    assert.matches(await heard.exit, { signal: 'SIGKILL', survivors: 0 })
  },
  async 'a signal after the end finds nothing'(subject) {
    const { running, heard } = await started(subject, ['true'])
    await heard.exit
    for (const signal of ['SIGTERM', 'SIGKILL', 'SIGCONT'] as const) assert.equal(await running.signal(signal), false)
    await running.endInput()
  },
  async 'a signal ends children and their children'(subject) {
    const pipe = await AlivePipe.make(subject)
    const { running, heard } = await started(
      subject,
      shell("exec 9>alive; sh -c 'sleep 1000 & sleep 1000' & sleep 1000 & echo ready; wait"),
    )
    await heard.output('ready')
    await running.signal('SIGKILL')
    assert.matches(await heard.exit, { survivors: 0 })
    await pipe.gone()
  },
  async 'children that ignore SIGTERM, or have a session of their own, end with the command'(subject) {
    const pipe = await AlivePipe.make(subject)
    const children = "sh -c 'trap \"\" TERM; sleep 1000; sleep 1000' & setsid sleep 1000 & setsid sh -c 'sleep 1000' &"
    const { running, heard } = await started(subject, shell(`exec 9>alive; ${children} echo ready; wait`))
    await heard.output('ready')
    await running.signal('SIGTERM')
    assert.matches(await heard.exit, { survivors: 0 })
    await pipe.gone()
  },
  async 'children that are left in the background end with the command, and it does not wait for their output'(subject) {
    const pipe = await AlivePipe.make(subject)
    const { heard } = await started(subject, shell('exec 9>alive; sleep 1000 & setsid sleep 1000 & echo done'))
    assert.equal(await heard.exit, { code: 0, signal: undefined, survivors: 0 })
    assert.equal(heard.stdout, 'done\n')
    await pipe.gone()
  },
  async 'several signals at once do no harm'(subject) {
    const { running, heard } = await started(subject, ['sleep', '1000'])
    await Promise.all(Array.from({ length: 5 }, () => running.signal('SIGKILL')))
    assert.matches(await heard.exit, { signal: 'SIGKILL' })
    assert.equal(heard.exits.length, 1)
  },
}
