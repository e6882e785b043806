// `beamclaw approvals`, `processes` and the question of `send`, against a real gateway whose demo model runs commands in a real sandbox.
import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type GatewayProcess, startGateway } from '../testing/gateway-process.ts'
import { type CliOutcome, CliProcess, jsonLines, runCli } from '../testing/run-cli.ts'

let folder: string
let gateway: GatewayProcess

const start = (): Promise<GatewayProcess> => startGateway(['--config', join(folder, 'beamclaw.yaml'), '--data-dir', join(folder, 'data')])

const talk = (...args: readonly string[]): Promise<CliOutcome> => runCli(args, { cwd: folder, environment: { BEAMCLAW_URL: gateway.url } })

const open = (...args: readonly string[]): CliProcess => new CliProcess(args, { cwd: folder, environment: { BEAMCLAW_URL: gateway.url } })

async function stop(): Promise<void> {
  gateway.child.kill('SIGKILL')
  await gateway.exited
}

interface Waiting {
  readonly id: string
  readonly request: { readonly command: string }
}

/** Resolves with the first call that waits. */
async function waiting(): Promise<Waiting> {
  for (;;) {
    const [list] = jsonLines(await talk('approvals', '--json')) as unknown as readonly { readonly approvals: readonly Waiting[] }[]
    if (list?.approvals[0] !== undefined) return list.approvals[0]
  }
}

describe.skipIf(!existsSync('/usr/bin/bwrap'))('a command that the model wants to run', () => {
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'beamclaw-approvals-'))
    const agents = 'agents: { main: { model: demo/demo-1, tools: [exec] } }'
    writeFileSync(join(folder, 'beamclaw.yaml'), `providers: { demo: { type: demo, delayMs: 0 } }\n${agents}\n`)
    gateway = await start()
  })

  afterEach(async () => {
    await stop()
    rmSync(folder, { recursive: true, force: true })
  })

  test('waits, is shown in full, runs once it is approved, and asks no more where that was granted', async () => {
    expect(await talk('approvals')).toMatchObject({ code: 0, output: 'Nothing waits for approval\n' })
    const sent = open('send', 'run uname -s')
    const { id } = await waiting()
    expect((await talk('approvals', 'list')).output).toContain('uname -s')
    const shown = (await talk('approvals', 'show', id.slice(-6))).output
    for (const text of [id, 'uname -s', 'Shell: /bin/sh -c', 'without network', 'is denied then']) expect(shown).toContain(text)
    expect((await talk('approvals', 'approve', id, '--for', 'agent')).output).toMatch(
      /is approved\nAsks no more: exec:bubblewrap:\S*uname -s \(agent main\)/,
    )
    const { code, output } = await sent.outcome
    expect([code, output]).toEqual([0, expect.stringContaining('Linux')])
    expect(output).toContain(`Decide with: beamclaw approvals approve ${id}, or deny`)
    expect((await talk('send', 'run uname -s')).output).toContain('Linux')
    const [grants] = jsonLines(await talk('approvals', 'grants', '--json')) as unknown as readonly {
      readonly grants: readonly { readonly id: string }[]
    }[]
    expect((await talk('approvals', 'revoke', grants?.grants[0]?.id ?? '')).code).toBe(0)
    expect((await talk('approvals', 'grants')).output).toMatch(/^There are no grants/)
    expect(await talk('approvals', 'revoke', 'nothing')).toMatchObject({ code: 1, errors: expect.stringContaining('unknown-approval') })
    expect(await talk('approvals', 'approve', id)).toMatchObject({
      code: 1,
      errors: expect.stringMatching(/already-resolved|unknown-approval/),
    })
    // The gateway knows those that were decided by their whole ids.
    expect(await talk('approvals', 'deny', id.slice(-6))).toMatchObject({
      code: 1,
      errors: expect.stringMatching(/^beamclaw: Nothing that waits has the id .*may have been decided.*\(unknown-approval\)\n$/),
    })
  }, 60_000)

  test('waits on after kill -9 of the gateway, and is denied with a reason', async () => {
    const sent = open('send', 'run touch here', '--idempotency-key', 'one')
    const before = await waiting()
    await stop()
    expect((await sent.outcome).errors).toContain('--idempotency-key one')
    gateway = await start()
    expect(await waiting()).toEqual(before)
    expect(await talk('approvals', 'deny', before.id, '--reason', 'Not here.')).toMatchObject({ code: 0 })
    expect((await talk('send', 'run touch here', '--idempotency-key', 'one')).output).toContain('Not here.')
    expect(existsSync(join(folder, 'data/workspaces/main/here'))).toBe(false)
  }, 60_000)

  test('is asked about at a terminal, where anything but yes is no', async () => {
    const answers = [
      ['y\n', 'Linux'],
      ['maybe\n', 'Denied'],
    ] as const
    for (const [answer, expected] of answers) {
      const output = await atTerminal(['send', 'run uname -s'], 'Let it run?', answer)
      expect(output).toContain(expected)
      expect(output).not.toContain('not here')
    }
  }, 60_000)

  test('is not approved by what was typed before it was asked about', async () => {
    const output = await atTerminal(['send', 'run touch typed'], 'Let it run?', 'n\n', 'y\ny')
    expect(output).toContain('Denied')
    expect(existsSync(join(folder, 'data/workspaces/main/typed'))).toBe(false)
  }, 60_000)

  test('is asked about by the sender of its message alone', async () => {
    let other: CliProcess | undefined
    const output = await atTerminal(['send', 'run touch mine'], 'Let it run?', async () => {
      other = open('send', 'run touch theirs', '--session', 'other')
      while (!(await talk('approvals', 'list')).output.includes('theirs')) await talk('status')
      return 'n\n'
    })
    expect(output).toContain('Denied')
    expect(output).not.toContain('theirs')
    await talk('approvals', 'deny', (await waiting()).id)
    await other?.outcome
  }, 60_000)

  test('may start others in the background, which are listed, shown and ended', async () => {
    const config = 'agents: { main: { model: demo/demo-1, subAgents: [helper] }, helper: { model: demo/demo-1 } }'
    writeFileSync(join(folder, 'beamclaw.yaml'), `providers: { demo: { type: demo, delayMs: 0 } }\n${config}\n`)
    await stop()
    gateway = await start()
    expect((await talk('subagents')).output).toBe('There are no sub-agents\n')
    await talk('send', 'call sessions_spawn {"task":"2+3"}')
    let [one] = [] as { readonly id: string; readonly status: string }[]
    while (one?.status !== 'completed') {
      const [list] = jsonLines(await talk('subagents', 'list', '--json')) as unknown as { readonly subAgents: (typeof one)[] }[]
      one = list?.subAgents[0]
    }
    expect((await talk('subagents')).output).toMatch(/helper +completed .* agent:main:main +2\+3/)
    expect((await talk('subagents', 'show', one.id)).output).toContain('Answer: 2+3 = 5')
    // What has ended stays as it is.
    expect((await talk('subagents', 'cancel', one.id)).output).toBe(`${one.id}: completed\n`)
    expect(await talk('subagents', 'show', 'none')).toMatchObject({ code: 1, errors: expect.stringContaining('unknown-sub-agent') })
  }, 60_000)

  test('goes on in the background, where it is listed, read, written to and ended', async () => {
    const config = 'tools: { exec: { yieldAfterMs: 0 } }\nagents: { main: { model: demo/demo-1, tools: [exec], askMode: off } }'
    writeFileSync(join(folder, 'beamclaw.yaml'), `providers: { demo: { type: demo, delayMs: 0 } }\n${config}\n`)
    await stop()
    gateway = await start()
    expect((await talk('processes')).output).toBe('There are no background processes\n')
    await talk('send', 'run echo begun; sleep 1000')
    const [list] = jsonLines(await talk('processes', 'list', '--running', '--json')) as unknown as readonly {
      readonly processes: readonly { readonly id: string }[]
    }[]
    const id = list?.processes[0]?.id ?? ''
    expect(id).toMatch(/^[a-z]+-[a-z]+/)
    const follower = open('processes', 'tail', id, '--follow')
    await follower.printed('begun')
    expect((await talk('processes')).output).toContain('echo begun; sleep 1000')
    expect((await talk('processes', 'kill', id)).output).toMatch(new RegExp(`^${id}: killed`))
    expect((await follower.outcome).code).toBe(0)
    expect(await talk('processes', 'write', id, 'x')).toMatchObject({ code: 1, errors: expect.stringContaining('command-ended') })
    expect(await talk('processes', 'tail', 'no-such')).toMatchObject({ code: 1, errors: expect.stringContaining('unknown-process') })
    expect(await talk('processes', 'tail', id, '--bytes', 'x')).toMatchObject({ code: 2, errors: expect.stringContaining('--bytes') })
  }, 60_000)
})

/** Runs a command in a terminal, types an answer once a text is there, and resolves with all that it printed. */
async function atTerminal(
  args: readonly string[],
  question: string,
  answer: string | (() => Promise<string>),
  before = '',
): Promise<string> {
  const bin = new URL('../bin.ts', import.meta.url).pathname
  const command = [process.execPath, '--conditions=beamclaw:source', bin, ...args].map((word) => `'${word}'`).join(' ')
  const child = spawn('script', ['-qefc', command, '/dev/null'], {
    cwd: folder,
    env: { PATH: process.env.PATH ?? '', HOME: '/nonexistent', BEAMCLAW_URL: gateway.url, TERM: 'dumb' },
  })
  child.stdin.write(before)
  let printed = ''
  let hasAnswered = false
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    printed += text
    if (hasAnswered || !printed.includes(question)) return
    hasAnswered = true
    if (typeof answer === 'string') child.stdin.write(answer)
    else void answer().then((text) => child.stdin.write(text))
  })
  await new Promise((resolve) => child.once('close', resolve))
  return printed
}
