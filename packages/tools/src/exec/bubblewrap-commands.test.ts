/** Planned commands and the table of processes in bubblewrap. */
import { chmodSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { BeamClaw, defineAgent, ProcessTable, parseAgentId, parseRunId, parseSessionKey, silentLogger } from '@beamclaw/core'
import { ScriptedProvider } from '@beamclaw/core/testing'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { BubblewrapSandbox } from '../sandboxes/bubblewrap-sandbox.ts'
import { type ExecSettings, execSettings } from './exec-options.ts'
import { type ExecDetail, planExec } from './exec-plan.ts'

const probe = await new BubblewrapSandbox().probe()
const site = { tenant: 'default', sessionKey: 'agent:main:a', agentId: 'main', context: undefined }
const owner = { sessionKey: parseSessionKey(site.sessionKey), agentId: parseAgentId('main'), runId: parseRunId('r1'), callKey: 'r1:1:0' }

describe.skipIf(!probe.isAvailable)(`commands in bubblewrap ${probe.reason ?? ''}`, () => {
  const sandbox = new BubblewrapSandbox()
  const processes = new ProcessTable({ sandboxes: [sandbox], killAfterMs: 500 })
  let claw: Awaited<ReturnType<BeamClaw['start']>>
  let workspace = ''
  let settings: ExecSettings

  beforeAll(async () => {
    workspace = realpathSync(mkdtempSync(join(tmpdir(), 'exec-')))
    settings = execSettings({ processes, sandbox, workspace })
    claw = await new BeamClaw({
      providers: { scripted: new ScriptedProvider({ otherwise: 'Noted.' }) },
      agents: [defineAgent({ id: 'main', model: 'scripted/any' })],
      parts: [processes],
      services: { logger: silentLogger },
    }).start()
  })

  afterAll(async () => {
    await claw.stop()
    rmSync(workspace, { recursive: true, force: true })
  })

  /** Runs a planned command; resolves with its output once it has ended. */
  async function run(command: string): Promise<string> {
    const { detail } = await planExec({ command }, settings, site)
    const { id } = await processes.of().start((detail as unknown as ExecDetail).prepared, owner, { notify: false })
    await processes.of().endInput(id)
    return (await processes.of().poll(id, { waitMs: 60_000, until: 'end' })).text
  }

  test('run as they were planned, in the workspace', async () => {
    writeFileSync(join(workspace, 'a.txt'), 'in the workspace\n')
    expect(await run('cat a.txt; pwd; ls /etc/shadow 2>&1 | tail -n 1')).toMatch(
      /^in the workspace\n\/workspace\n.*(?:No such|cannot access).*\n$/,
    )
  })

  test('can write to the workspace and to /tmp alone, whoever this process is: no setting of the kernel, no memory without a bound', async () => {
    const output = await run(
      [
        'for path in /x /dev/x /workspace/../y /proc/sys/vm/swappiness /proc/sysrq-trigger /usr/x; do (echo 1 > $path) 2>/dev/null && echo "wrote $path"; done',
        'find /proc -path "/proc/[0-9]*" -prune -o -path "/proc/self*" -prune -o -path "/proc/thread-self*" -prune -o -type f -writable -print 2>/dev/null',
        'for place in /dev/shm /tmp; do head -c 100M /dev/zero > $place/x 2>/dev/null; [ $(stat -c %s $place/x) -le 67108864 ] && echo "$place is bounded"; done',
        'unshare -Ur true 2>/dev/null && echo "a namespace of its own"',
        'echo fine > /workspace/ok; cat /workspace/ok',
      ].join('; '),
    )
    expect(output).toBe('/dev/shm is bounded\n/tmp is bounded\nfine\n')
  })

  test('reach a server of this machine with network, and none without', async () => {
    const server = createServer((socket) => socket.end('hello'))
    await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as AddressInfo
    const argv = ['bash', '-c', `cat < /dev/tcp/127.0.0.1/${port}`]
    const outputs: string[] = []
    for (const network of [true, false]) {
      const { detail } = await planExec({ argv }, execSettings({ processes, sandbox, workspace, network }), site)
      const { id } = await processes.of().start((detail as unknown as ExecDetail).prepared, owner, { notify: false })
      outputs.push((await processes.of().poll(id, { waitMs: 60_000, until: 'end' })).text)
    }
    expect(outputs).toEqual(['hello', expect.stringContaining('refused')])
    await new Promise((resolve) => void server.close(resolve))
  })

  test('have permits that name the program as the sandbox sees it, and none for a program of the workspace', async () => {
    const { permits } = await planExec({ command: "ls -l 'a b' | cat" }, settings, site)
    expect(permits?.map(({ subject }) => subject)).toEqual([
      expect.stringMatching(/^exec:bubblewrap:\/.*\/ls$/),
      expect.stringMatching(/^exec:bubblewrap:\/.*\/cat$/),
    ])
    writeFileSync(join(workspace, 'mine'), '#!/bin/sh\necho mine\n')
    chmodSync(join(workspace, 'mine'), 0o755)
    for (const argv of [['./mine'], ['/workspace/mine']]) expect((await planExec({ argv }, settings, site)).permits).toBeUndefined()
  })

  test('are killed with children that have left their group and do not listen', async () => {
    const command = 'trap "" TERM; setsid sh -c "trap \\"\\" TERM; echo ready; while :; do sleep 1000; done" & wait'
    const { detail } = await planExec({ command }, settings, site)
    const list = processes.of()
    const { id } = await list.start((detail as unknown as ExecDetail).prepared, owner)
    expect((await list.poll(id, { waitMs: 60_000 })).text).toBe('ready\n')
    expect(await list.kill(id)).toMatchObject({ status: 'killed', exit: { survivors: 0 } })
  }, 60_000)
})
