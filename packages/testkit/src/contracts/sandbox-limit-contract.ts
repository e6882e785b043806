/** The part of the sandbox contract about what `enforces` promises. */
import { mkdtemp, realpath, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { SandboxProbe } from '@beamclaw/core'
import * as assert from './assert.ts'
import type { SandboxUnderTest } from './sandbox-contract.ts'
import { AlivePipe, ran, type SandboxTests, shell, started } from './sandbox-fixtures.ts'

async function enforces({ sandbox }: SandboxUnderTest, what: SandboxProbe['enforces'][number]): Promise<boolean> {
  return (await sandbox.probe()).enforces.includes(what)
}

export const limitTests: SandboxTests = {
  async 'cpuSeconds ends a loop'(subject) {
    if (!(await enforces(subject, 'cpuSeconds'))) return
    const heard = await ran(subject, shell('while :; do :; done'), { limits: { cpuSeconds: 1 } })
    assert.isTrue(heard.exits[0]?.code !== 0, 'it did not end by itself')
  },
  async 'memoryBytes refuses a command more'(subject) {
    if (!(await enforces(subject, 'memoryBytes'))) return
    const large = ['dd', 'if=/dev/zero', 'of=/dev/null', 'bs=300M', 'count=1'] as const
    assert.isTrue((await ran(subject, large, { limits: { memoryBytes: 50_000_000 } })).exits[0]?.code !== 0, '300 MB do not fit into 50 MB')
    assert.equal((await ran(subject, large, { limits: { memoryBytes: 2_000_000_000 } })).exits[0]?.code, 0)
  },
  async 'fileBytes ends a file'(subject) {
    if (!(await enforces(subject, 'fileBytes'))) return
    await ran(subject, shell('head -c 100000 /dev/zero > large'), { limits: { fileBytes: 20_480 } })
    assert.equal((await ran(subject, shell('wc -c < large'))).stdout.trim(), '20480')
  },
  async 'openFiles is the number that the command sees'(subject) {
    if (!(await enforces(subject, 'openFiles'))) return
    assert.equal((await ran(subject, shell('ulimit -n'), { limits: { openFiles: 77 } })).stdout.trim(), '77')
  },
  async 'processes bounds a fork bomb'(subject) {
    if (!(await enforces(subject, 'processes'))) return
    const script = 'i=0; while test $i -lt 200; do sleep 1000 & i=$((i+1)); done; echo all'
    const heard = await ran(subject, shell(script), { limits: { processes: 40 } })
    assert.isTrue(!heard.stdout.includes('all'), 'not every process was started')
    assert.matches(heard.exits[0], { survivors: 0 })
  },
}

export const isolationTests: SandboxTests = {
  async 'filesystem: no file of the host beside the workspace can be read or written'(subject) {
    if (!(await enforces(subject, 'filesystem'))) return
    const outside = await realpath(await mkdtemp(join(tmpdir(), 'beamclaw-outside-')))
    try {
      await writeFile(join(outside, 'secret'), 'the secret')
      const script = 'cat "$1/secret"; echo x > "$1/new"; ln -s "$1/secret" link; cat link; cat ../*/secret; cat /etc/shadow; ls -d "$1"'
      const heard = await ran(subject, shell(script, outside))
      assert.equal(heard.stdout, '')
      assert.isTrue(
        (await ran(subject, shell('echo x > /usr/bin/beamclaw-test'))).exits[0]?.code !== 0,
        'programs of the host cannot be changed',
      )
    } finally {
      await rm(outside, { recursive: true })
    }
  },
  async 'network: no server of the host is reached without it'(subject) {
    if (!(await enforces(subject, 'network'))) return
    let connections = 0
    const server = createServer((socket) => {
      connections++
      socket.on('error', () => undefined).end('hello')
    })
    const port = await new Promise<number>((resolve) => {
      server.listen(0, '127.0.0.1', () => {
        const address = server.address()
        resolve(typeof address === 'object' && address !== null ? address.port : 0)
      })
    })
    try {
      const argv = ['bash', '-c', 'cat < "/dev/tcp/127.0.0.1/$0"', String(port)] as const
      assert.isTrue((await ran(subject, argv)).exits[0]?.code !== 0, 'no connection is made')
      assert.equal(connections, 0)
    } finally {
      await new Promise((resolve) => server.close(resolve))
    }
  },
  async 'process-tree: a child with a session and an environment of its own ends with the command'(subject) {
    if (!(await enforces(subject, 'process-tree'))) return
    const pipe = await AlivePipe.make(subject)
    const { heard } = await started(subject, shell('exec 9>alive; env -i setsid setsid sleep 1000 & echo done; sleep 0.1'))
    assert.equal(await heard.exit, { code: 0, signal: undefined, survivors: 0 })
    await pipe.gone()
  },
  async 'process-tree: a command sees no process of the host, and signals none'(subject) {
    if (!(await enforces(subject, 'process-tree'))) return
    const heard = await ran(subject, shell('kill -0 "$1" 2>/dev/null && echo reached', String(process.ppid)))
    assert.equal(heard.stdout, '')
  },
}
