/** The part of the sandbox contract about one command: its words, input, output and end. */
import { realpath } from 'node:fs/promises'
import type { PreparedCommand } from '@beamclaw/core'
import * as assert from './assert.ts'
import { Heard, ran, type SandboxTests, shell, started } from './sandbox-fixtures.ts'
import { expectRejection } from './store-fixtures.ts'

const oddWords = [
  '',
  ' ',
  'a b',
  "it's",
  '"',
  '\\',
  '$HOME',
  '`id`',
  '$(id)',
  '*',
  '~',
  '-n',
  '--',
  '\n',
  'a\tb',
  '日本',
  '%s',
  '!',
  '&',
  ';',
  '|',
  '>',
  '#',
  "'\\''",
]

export const runTests: SandboxTests = {
  async 'output and errors come apart, then the exit, once'(subject) {
    const heard = await ran(subject, shell('echo out; echo err >&2; exit 7'))
    assert.equal([heard.stdout, heard.stderr], ['out\n', 'err\n'])
    assert.equal(heard.exits, [{ code: 7, signal: undefined, survivors: 0 }])
    assert.equal(heard.isLate, false, 'no output comes after the exit')
  },
  async 'a command without output ends with 0'(subject) {
    assert.equal((await ran(subject, ['true'])).exits, [{ code: 0, signal: undefined, survivors: 0 }])
  },
  async 'words arrive as they are'(subject) {
    const heard = await ran(subject, shell('for word; do printf "%s\\0" "$word"; done', ...oddWords))
    assert.equal(heard.stdout.split('\0').slice(0, -1), oddWords)
  },
  async 'a program that is not there is told as such, or ends with 127 where only the start can tell'({ sandbox, workspace }) {
    for (const name of ['no-such-program-anywhere', './no-such-program', '/no/such/program']) {
      const heard = new Heard()
      const preparing = sandbox.prepare({ argv: [name], workspace })
      const starting = preparing.then((prepared) => sandbox.spawn(prepared, { listener: heard.listener }))
      const isStarted = await starting.then(
        () => true,
        () => false,
      )
      if (isStarted) assert.matches(await heard.exit, { code: 127 })
      else await expectRejection(starting, 'command-not-found')
    }
  },
  async 'megabytes of output arrive whole'(subject) {
    const heard = await ran(subject, shell('head -c 8000000 /dev/zero; head -c 1000 /dev/zero >&2'))
    assert.equal(heard.bytes, 8_001_000)
    assert.equal(heard.isLate, false, 'no output comes after the exit')
  },
  async 'input arrives, and ends once'(subject) {
    const { running, heard } = await started(subject, ['cat'])
    const bytes = Buffer.from('first ')
    const writing = running.write(bytes)
    bytes.fill(120)
    await writing
    await running.write(Buffer.from('second'))
    await running.endInput()
    await running.endInput()
    await expectRejection(running.write(Buffer.from('late')), 'command-ended')
    assert.matches(await heard.exit, { code: 0 })
    assert.equal(heard.stdout, 'first second')
  },
  async 'megabytes of input arrive whole'(subject) {
    const { running, heard } = await started(subject, ['wc', '-c'])
    for (let round = 0; round < 8; round++) await running.write(new Uint8Array(1_000_000))
    await running.endInput()
    await heard.exit
    assert.equal(heard.stdout.trim(), '8000000')
  },
  async 'a write to a command that does not read is rejected at its end'(subject) {
    const { running, heard } = await started(subject, shell('read line; echo "$line"; exec 0<&-; exit 0'))
    const writing = running.write(Buffer.concat([Buffer.from('go\n'), Buffer.alloc(4_000_000)]))
    await Promise.all([heard.exit, writing.catch(() => undefined)])
    await expectRejection(running.write(Buffer.from('x')), 'command-ended')
  },
  async 'the variables are those of the sandbox and of the request, and none of the host'(subject) {
    const heard = await ran(subject, ['env'], { env: { GREETING: "it's\n$HOME" } })
    assert.isTrue(heard.stdout.includes("GREETING=it's\n$HOME\n"), 'the variable of the request is there')
    assert.isTrue(/^HOME=\/./m.test(heard.stdout) && /^PATH=\/[^\n]*bin/m.test(heard.stdout), 'HOME and PATH are set')
    const leaked = Object.entries(process.env).filter(([name, value]) => {
      if (value === undefined || value.length < 6 || !/^[A-Z_0-9]+$/i.test(name)) return false
      return !['PATH', 'HOME', 'LANG', 'TERM', 'TMPDIR', 'PWD', 'SHELL'].includes(name) && heard.stdout.includes(`${name}=${value}\n`)
    })
    assert.equal(leaked, [])
  },
  async 'the working directory is the workspace, or one in it'(subject) {
    await ran(subject, ['mkdir', '-p', 'a/b'])
    const home = (await ran(subject, ['pwd'])).stdout.trim()
    assert.equal((await ran(subject, ['pwd'], { cwd: 'a/b' })).stdout.trim(), `${home}/a/b`)
    await ran(subject, shell('echo there > ../file'), { cwd: 'a/b' })
    assert.equal((await ran(subject, ['cat', 'a/file'])).stdout, 'there\n')
    if (subject.isShared !== false)
      assert.equal(await realpath(subject.workspace), subject.workspace, 'the workspace of the test is a real path')
  },
  async 'a listener that throws changes nothing'({ sandbox, workspace }) {
    const prepared = await sandbox.prepare({ argv: shell('echo one; echo two >&2; exit 3'), workspace })
    const end = Promise.withResolvers<unknown>()
    let bytes = 0
    const fail = (): never => {
      throw new Error('a listener that throws')
    }
    const listener = {
      onOutput: (chunk: Uint8Array): void => {
        bytes += chunk.length
        fail()
      },
      onExit: (exit: unknown): void => {
        end.resolve(exit)
        fail()
      },
    }
    await sandbox.spawn(prepared, { listener })
    assert.matches(await end.promise, { code: 3 })
    assert.equal(bytes, 8)
  },
  async 'a prepared command runs as often as it is wanted, also at the same time'({ sandbox, workspace }) {
    const prepared = await sandbox.prepare({ argv: ['echo', 'again'], workspace })
    const all = await Promise.all(
      Array.from({ length: 10 }, async () => {
        const heard = new Heard()
        await sandbox.spawn(prepared, { listener: heard.listener })
        await heard.exit
        return heard.stdout
      }),
    )
    assert.equal(new Set(all), new Set(['again\n']))
  },
  async 'a command that another sandbox has prepared is refused'({ sandbox, workspace }) {
    const prepared: PreparedCommand = { ...(await sandbox.prepare({ argv: ['echo'], workspace })), sandbox: 'another' }
    await expectRejection(sandbox.spawn(prepared, { listener: new Heard().listener }), 'command-refused')
  },
}

export const terminalTests: SandboxTests = {
  async 'a terminal has its size, and another when it is changed; or says that there is none'(subject) {
    const script = 'if test -t 0; then stty size; echo ready; read line; stty size; else echo pipes; fi'
    const { running, heard } = await started(subject, shell(script), { terminal: { columns: 91, rows: 33 } })
    if (!running.hasTerminal) {
      assert.matches(await heard.exit, { code: 0 })
      assert.equal(heard.stdout, 'pipes\n')
      return
    }
    await heard.output('ready')
    running.resize({ columns: 50, rows: 20 })
    await running.write(Buffer.from('\n'))
    assert.matches(await heard.exit, { code: 0 })
    assert.isTrue(heard.stdout.includes('33 91') && heard.stdout.includes('20 50'), `both sizes are told, received ${heard.stdout}`)
  },
  async 'a terminal ends with its command and all its children'(subject) {
    const { running, heard } = await started(subject, shell('sleep 1000 & echo ready; wait'), { terminal: { columns: 80, rows: 24 } })
    await heard.output('ready')
    await running.signal('SIGKILL')
    assert.matches(await heard.exit, { survivors: 0 })
    assert.equal(await running.signal('SIGTERM'), false)
    running.resize({ columns: 10, rows: 10 })
  },
}
