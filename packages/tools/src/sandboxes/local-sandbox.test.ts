// What is the host sandboxes' own: descriptors, detached commands, processes that get away, ids that were given away.
import { execFileSync } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import type { CommandExit, CommandRequest, Sandbox, SandboxProcess } from '@beamclaw/core'
import type { SandboxUnderTest } from '@beamclaw/testkit'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { autoSandbox } from './auto-sandbox.ts'
import { BubblewrapSandbox } from './bubblewrap-sandbox.ts'
import { GroupTree } from './group-tree.ts'
import { LocalSandbox } from './local-sandbox.ts'
import { allPids, factsOf, kill } from './process-facts.ts'
import { sandboxUnderTest } from './testing/sandboxes.ts'

let subject: SandboxUnderTest
beforeEach(() => {
  subject = sandboxUnderTest('local')
})
afterEach(() => subject.dispose?.())

interface Run {
  readonly running: SandboxProcess
  readonly exit: Promise<CommandExit>
  output(): string
}

async function start(
  sandbox: Sandbox,
  argv: readonly [string, ...string[]],
  request: Partial<CommandRequest> = {},
  isDetached = false,
): Promise<Run> {
  const prepared = await sandbox.prepare({ argv, workspace: subject.workspace, ...request })
  const end = Promise.withResolvers<CommandExit>()
  let text = ''
  const onOutput = (chunk: Uint8Array): void => {
    text += Buffer.from(chunk).toString()
  }
  return {
    running: await sandbox.spawn(prepared, { listener: { onOutput, onExit: end.resolve }, isDetached }),
    exit: end.promise,
    output: () => text,
  }
}

const sh = (script: string): [string, ...string[]] => ['sh', '-c', script]
const isLinux = process.platform === 'linux'
const bubblewrap = await new BubblewrapSandbox().probe()
const state = (): string => join(subject.workspace, '..', 'state')

describe.skipIf(!isLinux)('commands of the host', () => {
  it.each([
    ['pipes', {}],
    ['a terminal', { terminal: { columns: 80, rows: 24 } }],
    ['limits', { limits: { openFiles: 50 } }],
  ])('leave no descriptor open: %s', async (_, request) => {
    const once = async (): Promise<void> => void (await (await start(subject.sandbox, ['echo', 'x'], request)).exit)
    await once()
    const open = (): number => readdirSync('/proc/self/fd').length
    const before = open()
    for (let round = 0; round < 30; round++) await once()
    expect(open()).toBeLessThanOrEqual(before + 1)
  })

  it('get no descriptor but those that any child of this process has', async () => {
    const list = sh('ls /proc/$$/fd')
    const { exit, output } = await start(subject.sandbox, list)
    await exit
    expect(output()).toBe(execFileSync('sh', list.slice(1), { encoding: 'utf8' }))
  })

  it('come from fixed folders, whatever the PATH of the host is', async () => {
    writeFileSync(join(subject.workspace, 'ls'), '#!/bin/sh\necho wrong\n')
    chmodSync(join(subject.workspace, 'ls'), 0o755)
    const { PATH } = process.env
    process.env.PATH = subject.workspace
    try {
      const { exit, output } = await start(subject.sandbox, ['ls'])
      await exit
      expect(output()).toBe('ls\n')
    } finally {
      process.env.PATH = PATH
    }
  })

  it('are told the name that they were called by', async () => {
    const { exit, output } = await start(subject.sandbox, sh('echo "$0"; cat /proc/$$/cmdline'))
    await exit
    expect(output()).toMatch(/^\/usr(?:\/local)?\/bin\/sh\n/)
  })

  it('run two hundred at once', async () => {
    const runs = await Promise.all(Array.from({ length: 200 }, (_, index) => start(subject.sandbox, ['echo', String(index)])))
    expect(await Promise.all(runs.map(({ exit }) => exit))).toEqual(
      Array.from({ length: 200 }, () => ({ code: 0, signal: undefined, survivors: 0 })),
    )
    expect(runs.map(({ output }) => output().trim())).toEqual(Array.from({ length: 200 }, (_, index) => String(index)))
  })

  it('end although a process that got away holds their output', async () => {
    const sandbox = new LocalSandbox({ outputGraceMs: 50 })
    const { exit, output } = await start(
      sandbox,
      sh("env -i setsid sh -c 'echo $$ > pid; exec sleep 1000' & while ! test -s pid; do :; done; echo done"),
    )
    expect(await exit).toMatchObject({ code: 0 })
    expect(output()).toBe('done\n')
    const pid = Number(readFileSync(join(subject.workspace, 'pid'), 'utf8'))
    expect(kill(pid, 'SIGKILL')).toBe(true)
  })

  it('are watched again when their watch was ended itself', async () => {
    const watches = (): readonly number[] =>
      allPids().filter((pid) => {
        const facts = factsOf(pid)
        return (
          facts?.parent === process.pid &&
          !facts.isZombie &&
          readFileSync(`/proc/${pid}/cmdline`, 'latin1').includes('beamclaw-death-watch')
        )
      })
    const before = new Set(watches())
    const { running, exit } = await start(new LocalSandbox(), ['sleep', '1000'])
    const own = watches().find((pid) => !before.has(pid)) ?? 0
    expect(kill(own, 'SIGKILL')).toBe(true)
    while (!watches().some((pid) => !before.has(pid) && pid !== own)) await new Promise((resolve) => setTimeout(resolve, 5))
    await running.signal('SIGKILL')
    await exit
  })

  it('are never mistaken for another process with the same id', async () => {
    const { running, exit } = await start(subject.sandbox, ['sleep', '1000'])
    const pid = running.pid ?? 0
    const startTime = factsOf(pid)?.startTime ?? ''
    const parts = { pid, mark: 'another-mark', hasExited: () => true, isOld: true }
    expect(new GroupTree({ ...parts, startTime }).members(allPids())).toEqual([pid])
    expect(new GroupTree({ ...parts, startTime: String(Number(startTime) - 1) }).members(allPids())).toEqual([])
    // One with its mark that is older than the command.
    const marked = { ...parts, mark: String(running.identity.mark), isOld: false }
    expect(new GroupTree({ ...marked, startTime }).members([pid])).toEqual([pid])
    expect(new GroupTree({ ...marked, startTime: String(Number(startTime) + 1) }).members([pid])).toEqual([])
    await subject.sandbox.reap?.({ ...running.identity, startTime: String(Number(startTime) - 1), mark: 'another-mark-1234567' })
    await subject.sandbox.reap?.({ ...running.identity, boot: 'another start of the machine' })
    expect(factsOf(pid)).toBeDefined()
    await subject.sandbox.reap?.(running.identity)
    expect(await exit).toMatchObject({ signal: 'SIGKILL' })
  })

  it.each([0, 1, -1, Number.NaN, 1.5])('are never signalled by an id such as %s', (pid) => {
    expect(kill(pid, 'SIGKILL')).toBe(false)
    expect(factsOf(pid)).toBeUndefined()
  })

  it('are refused, and with no error of the system, whatever is wrong with their folders and what was stored of them', async () => {
    const { sandbox, workspace } = subject
    writeFileSync(join(workspace, 'file'), '')
    const wrong = [
      { cwd: 'file' },
      { cwd: 'file/x' },
      { cwd: 'none' },
      { cwd: 'none/x' },
      { workspace: join(workspace, 'none') },
      { workspace: join(workspace, 'file') },
    ]
    const bubblewrapped = new BubblewrapSandbox()
    for (const request of wrong) {
      for (const one of [sandbox, bubblewrapped]) {
        await expect(one.prepare({ argv: ['true'], workspace, ...request })).rejects.toMatchObject({ code: 'command-refused' })
      }
    }
    const prepared = await sandbox.prepare({ argv: ['true'], workspace })
    const listener = { onOutput: () => undefined, onExit: () => undefined }
    for (const name of ['argv', 'workspace', 'cwd', 'cwdId', 'executable', 'env', 'limits'] as const) {
      for (const value of [undefined, null, 7, 'x', [], {}]) {
        const stored = { ...prepared, [name]: value } as unknown as typeof prepared
        if (JSON.stringify(stored[name]) === JSON.stringify(prepared[name])) continue
        // What a store leaves out is as if there were none.
        if ((name === 'env' || name === 'limits') && value === undefined) continue
        await expect(sandbox.spawn(stored, { listener }), `${name} ${JSON.stringify(value)}`).rejects.toMatchObject({
          code: 'command-refused',
        })
      }
    }
  })

  it('refuse options that are wrong', () => {
    for (const wrong of [{ stateDirectory: 'relative' }, { detachedOutputBytes: 0 }, { outputGraceMs: -1 }, { grace: 1 }, null]) {
      expect(() => new LocalSandbox(wrong as object)).toThrow(expect.objectContaining({ code: 'invalid-option' }))
      expect(() => new BubblewrapSandbox(wrong as object)).toThrow(expect.objectContaining({ code: 'invalid-option' }))
    }
    expect(() => new BubblewrapSandbox({ readOnly: ['etc'] })).toThrow(expect.objectContaining({ code: 'invalid-option' }))
  })
})

describe.skipIf(!isLinux)('detached commands', () => {
  it('are refused without a directory for their output, and with one that cannot be written to', async () => {
    writeFileSync(join(subject.workspace, 'file'), '')
    const unusable = new LocalSandbox({ stateDirectory: join(subject.workspace, 'file', 'state') })
    await expect(start(unusable, ['true'], {}, true)).rejects.toMatchObject({ code: 'command-refused' })
    await expect(start(new LocalSandbox(), ['true'], {}, true)).rejects.toMatchObject({ code: 'command-refused' })
  })

  it('keep their output to themselves and up to the cap, and leave nothing', async () => {
    const sandbox = new LocalSandbox({ stateDirectory: state(), detachedOutputBytes: 1_000 })
    const { running, exit, output } = await start(sandbox, sh('head -c 3000000 /dev/zero; echo end; read line; exit 4'), {}, true)
    while (output().length < 1_000) await new Promise((resolve) => setTimeout(resolve, 10))
    const folder = String(running.identity.directory)
    expect(statSync(folder).mode & 0o777).toBe(0o700)
    expect(statSync(join(folder, 'stdout')).mode & 0o777).toBe(0o600)
    await running.write(Buffer.from('\n'))
    expect(await exit).toEqual({ code: 4, signal: undefined, survivors: 0 })
    expect(output().length).toBe(1_000)
    expect(existsSync(folder)).toBe(false)
  })
})

describe.skipIf(!bubblewrap.isAvailable)(`commands in bubblewrap ${bubblewrap.reason ?? ''}`, () => {
  it('find no variable of the host, neither theirs nor that of another process', async () => {
    process.env.BEAMCLAW_TEST_SECRET = 'hunter2hunter2'
    try {
      const { exit, output } = await start(new BubblewrapSandbox(), sh("cat /proc/*/environ | tr '\\0' '\\n'; env"))
      await exit
      expect(output()).toContain('HOME=/workspace')
      expect(output()).not.toContain('hunter2')
      expect(output()).not.toContain('_SECRET')
    } finally {
      delete process.env.BEAMCLAW_TEST_SECRET
    }
  })

  it('have no rights, no namespaces of their own, and few processes to see', async () => {
    const { exit, output } = await start(
      new BubblewrapSandbox(),
      sh('grep -E "CapEff|NoNewPrivs" /proc/self/status; unshare -Ur true || echo none; ls -d /proc/[0-9]* | wc -l; id -u'),
    )
    await exit
    expect(output()).toMatch(/CapEff:\s+0+\n/)
    expect(output()).toMatch(/NoNewPrivs:\s+1\n/)
    expect(output()).toContain('none\n')
    expect(output()).toMatch(/\n[2-9]\n65534\n$/)
  })

  it('reach no socket of the host, also by a link in the workspace', async () => {
    mkdirSync(state())
    const path = join(state(), 'socket')
    let connections = 0
    const server = createServer(() => connections++).listen(path)
    const script = `import socket\nfor path in ("${path}", "link"):\n  try:\n    socket.socket(socket.AF_UNIX).connect(path)\n    print("reached")\n  except OSError:\n    print("no")\n`
    writeFileSync(join(subject.workspace, 'connect.py'), script)
    const { exit, output } = await start(
      new BubblewrapSandbox(),
      sh(
        `ln -s ${path} link; python3 connect.py || perl -e 'use IO::Socket::UNIX; print IO::Socket::UNIX->new($_) ? "reached" : "no" for "${path}", "link"'`,
      ),
    )
    await exit
    await new Promise((resolve) => server.close(resolve))
    expect(output()).toContain('no')
    expect([output().includes('reached'), connections]).toEqual([false, 0])
  })

  it('read what is bound for reading, and programs from there', async () => {
    const tools = join(subject.workspace, '..', 'tools')
    mkdirSync(tools)
    writeFileSync(join(tools, 'hello'), '#!/bin/sh\necho hello\n')
    chmodSync(join(tools, 'hello'), 0o755)
    const sandbox = new BubblewrapSandbox({ readOnly: [tools] })
    const { exit, output } = await start(sandbox, [join(tools, 'hello')])
    expect(await exit).toMatchObject({ code: 0 })
    expect(output()).toBe('hello\n')
    const writing = await start(sandbox, sh(`echo x > ${tools}/new`))
    expect(await writing.exit).not.toMatchObject({ code: 0 })
    await expect(start(new BubblewrapSandbox(), [join(tools, 'hello')])).rejects.toMatchObject({ code: 'command-not-found' })
  })

  it('say why they cannot run', async () => {
    const missing = new BubblewrapSandbox({ program: '/no/such/bwrap' })
    expect(await missing.probe()).toMatchObject({ isAvailable: false, enforces: [] })
    await expect(start(missing, ['true'])).rejects.toMatchObject({ code: 'sandbox-unavailable' })
    rmSync(state(), { recursive: true, force: true })
  })

  it('are used by the choice', async () => {
    expect((await autoSandbox()).id).toBe('bubblewrap')
  })
})
