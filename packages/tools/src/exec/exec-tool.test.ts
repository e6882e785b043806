import { flushEventLoop, ScriptedSandbox, toolAnswer } from '@beamclaw/core/testing'
import { describe, expect, test } from 'vitest'
import type { ExecDetail } from './exec-plan.ts'
import { execTool } from './exec-tool.ts'
import { execStage, key } from './testing/exec-stage.ts'

const code = (one: string) => expect.objectContaining({ code: one })

/** Ends what runs, and stops. */
async function end({ claw, sandbox }: Pick<Awaited<ReturnType<typeof execStage>>, 'claw' | 'sandbox'>): Promise<void> {
  for (const process of sandbox.running) process.exit(0)
  await claw.stop()
}

describe('exec', () => {
  test('runs a command and returns its code and its output', async () => {
    const staged = await execStage()
    expect(await staged.exec({ argv: ['hello'] })).toMatchObject({ content: 'Exit code 0 after 0.0 s.\nhello\n', isError: false })
    expect(await staged.exec({ argv: ['fail'] })).toMatchObject({
      content: expect.stringMatching(/^Exit code 2 .*\nno such file\n$/),
      isError: false,
    })
    expect(staged.sandbox.started[0]).toMatchObject({ command: { argv: ['hello'], cwd: '/work', network: false } })
    await end(staged)
  })

  test.each([
    [{ command: 'ls | wc' }, ['/bin/sh', '-c', 'ls | wc']],
    [{ command: 'ls', shell: 'bash' }, ['/bin/bash', '--norc', '--noprofile', '-c', 'ls']],
    [{ argv: ['ls', '$HOME'] }, ['ls', '$HOME']],
  ])('runs %j as %j', async (input, argv) => {
    const staged = await execStage()
    const running = staged.exec(input)
    await flushEventLoop()
    expect(staged.sandbox.started[0]).toMatchObject({ command: { argv }, isInputEnded: true })
    staged.sandbox.started[0]?.exit(0)
    expect(await running).toMatchObject({ content: expect.stringContaining('(no output)') })
    await end(staged)
  })

  test('gives folder, variables, network, limits, terminal and input to the command', async () => {
    const staged = await execStage({ env: { A: '1', B: '1' }, network: true, limits: { cpuSeconds: 5 } })
    const running = staged.exec({ argv: ['ls'], cwd: 'src', env: { B: '2' }, stdin: 'text', pty: true })
    await flushEventLoop()
    const [process] = staged.sandbox.started
    expect(process?.command).toMatchObject({ cwd: '/work/src', env: { A: '1', B: '2' }, network: true, limits: { cpuSeconds: 5 } })
    expect(process).toMatchObject({ input: 'text', isInputEnded: true, hasTerminal: true })
    process?.exit(0)
    await running
    await end(staged)
  })

  test('sends a command that takes long to the background, and its session hears of the end', async () => {
    const staged = await execStage({ yieldAfterMs: 10_000 })
    await staged.claw.session(key).send('Hello').result()
    const running = staged.exec({ argv: ['ls'] })
    await flushEventLoop()
    const [process] = staged.sandbox.started
    process?.print('half ')
    await staged.clock.advance(10_000)
    const { content } = await running
    const [shown] = staged.processes.of().list()
    expect(content).toContain(`in the background as "${shown?.id}"`)
    expect(content).toContain('half ')
    expect(shown).toMatchObject({ status: 'running', isBackground: true, command: 'ls' })
    process?.exit(0)
    await flushEventLoop()
    expect(JSON.stringify(staged.provider.requests.at(-1)?.messages.at(-1))).toContain(
      `The background process ${shown?.id} has ended with code 0`,
    )
    await end(staged)
  })

  test('says from which byte on to read what a command prints in the background', async () => {
    const staged = await execStage({ yieldAfterMs: 1_000 })
    // The second half of the character comes later, and so belongs to the next read.
    const [half, rest] = [Buffer.from('half é').subarray(0, -1), Buffer.from('é and the rest').subarray(1)]
    for (const { before, shown } of [
      { before: half, shown: 'half ' },
      { before: Buffer.concat([Buffer.alloc(90_000, 'x'), half]), shown: 'is left out' },
    ]) {
      const running = staged.exec({ argv: ['ls'] })
      await flushEventLoop()
      const process = staged.sandbox.started.at(-1)
      process?.print(before)
      await staged.clock.advance(1_000)
      const { content } = await running
      expect(content).toContain(shown)
      const [, id, from] = /as "([a-z-]+)"[\s\S]*"from": (\d+)/.exec(content) ?? []
      process?.print(rest)
      const polled = await staged.process({ action: 'poll', id, from: Number(from) })
      expect(polled.content.split('\n').slice(1)).toEqual(['é and the rest'])
    }
    await end(staged)
  })

  test('goes to the background at once when that is asked for, with its input open', async () => {
    const staged = await execStage()
    const { content } = await staged.exec({ argv: ['ls'], background: true })
    expect(content).toMatch(/^Running since .* in the background as "[a-z-]+"/)
    expect(staged.sandbox.started[0]?.isInputEnded).toBe(false)
    await end(staged)
  })

  test('is killed by its timeout, the smaller one, also in the background', async () => {
    const staged = await execStage({ timeoutMs: 20_000, yieldAfterMs: 5_000 })
    const soon = staged.exec({ argv: ['ls'], timeoutMs: 2_000 })
    const late = staged.exec({ argv: ['ls'], timeoutMs: 60_000 })
    await flushEventLoop()
    await staged.clock.advance(5_000)
    expect(await soon).toMatchObject({ content: expect.stringContaining('longer than its timeout'), isError: true })
    expect((await late).content).toContain('in the background')
    await staged.clock.advance(15_000)
    expect(staged.processes.of().list({ isRunning: true })).toEqual([])
    await end(staged)
  })

  test('ends the command when the call is aborted', async () => {
    const staged = await execStage()
    const aborting = new AbortController()
    const running = staged.exec({ argv: ['ls'] }, { signal: aborting.signal })
    await flushEventLoop()
    aborting.abort()
    await expect(running).rejects.toEqual(code('call-aborted'))
    expect(staged.sandbox.running).toEqual([])
    await end(staged)
  })

  test('shows the beginning and the end of a long output, and says where the rest is', async () => {
    const staged = await execStage(
      {},
      {
        long: (process) => {
          process.print('first\n')
          for (let line = 0; line < 10_000; line++) process.print('é\u001b[31m and so on\u001b[0m\n')
          process.print('last\n')
          process.exit(0)
        },
      },
    )
    const { content } = await staged.exec({ argv: ['long'] })
    expect(content.length).toBeGreaterThan(29_000)
    expect(content.length).toBeLessThan(30_500)
    expect(content).toContain('last\n')
    expect(content).toMatch(/first \d+ bytes are not kept.*process tool/)
    expect(content).not.toContain('\u001b')
    const [shown] = staged.processes.of().list()
    expect((await staged.process({ action: 'read', id: shown?.id, from: 100_000 })).content).toContain('There is more')
    await end(staged)
  })

  test('shows an output whole that just fits, and keeps every line of the rest', async () => {
    const staged = await execStage(
      {},
      {
        fits: (process) => {
          process.print('€'.repeat(30_000))
          process.exit(0)
        },
        more: (process) => {
          process.print('€'.repeat(30_001))
          process.exit(0)
        },
      },
    )
    expect((await staged.exec({ argv: ['fits'] })).content).toBe(`Exit code 0 after 0.0 s.\n${'€'.repeat(30_000)}`)
    expect((await staged.exec({ argv: ['more'] })).content).toContain('the middle is left out')
    await end(staged)
  })

  test('refuses wrong input', async () => {
    const staged = await execStage()
    for (const input of [
      {},
      { command: 'ls', argv: ['ls'] },
      { argv: [] },
      { argv: [''] },
      { command: '' },
      { command: 'a\0b' },
      { argv: ['ls'], login: true },
    ])
      await expect(staged.exec(input)).rejects.toThrow()
    await expect(staged.exec({ argv: ['nowhere'] })).rejects.toEqual(code('command-not-found'))
    await expect(staged.exec({ argv: ['ls'], mode: 'node' })).rejects.toEqual(code('sandbox-unavailable'))
    await end(staged)
  })

  test('runs by mode, the first configured one by default', async () => {
    const [own, host] = [new ScriptedSandbox({ id: 'own' }), new ScriptedSandbox({ id: 'host' })]
    const staged = await execStage({ sandboxes: { gateway: host, sandbox: own } })
    await staged.exec({ argv: ['ls'], background: true })
    await staged.exec({ argv: ['ls'], background: true, mode: 'gateway' })
    expect([own.started.length, host.started.length]).toEqual([1, 1])
    for (const sandbox of [own, host]) for (const process of sandbox.running) process.exit(0)
    await end(staged)
  })

  test('gets its workspace from a function of the call', async () => {
    const sites: unknown[] = []
    const staged = await execStage({
      workspace: (site) => {
        sites.push(site)
        return `/data/${site.tenant}/${site.agentId}`
      },
    })
    await staged.exec({ argv: ['hello'] })
    expect(staged.sandbox.started[0]?.command.workspace).toBe('/data/default/main')
    expect(sites).toContainEqual({ tenant: 'default', sessionKey: key, agentId: 'main', context: undefined })
    await end(staged)
  })

  test('is called by a model', async () => {
    const staged = await execStage()
    const answers = [toolAnswer('exec', { argv: ['hello'] }), 'Done.']
    const provider = staged.provider
    const next = provider.doStream.bind(provider)
    provider.doStream = (request, options) => {
      const answer = answers.shift()
      if (typeof answer !== 'object') return next(request, options)
      return (async function* () {
        yield* answer.parts
      })() as ReturnType<typeof next>
    }
    await staged.claw.session(key).send('Say hello').result()
    expect(JSON.stringify(provider.requests.at(-1)?.messages)).toContain('Exit code 0 after')
    await end(staged)
  })
})

describe('the plan of exec', () => {
  test('shows everything that decides what happens', async () => {
    const staged = await execStage({ env: { A: '1' } })
    const { display, permits } = await staged.planExec({
      command: 'ls -l',
      cwd: 'src',
      env: { B: 'x\ny' },
      stdin: 'input',
      pty: true,
      timeoutMs: 5,
      background: true,
    })
    expect(display).toBe(
      [
        ...[
          'ls -l',
          'Shell: /bin/sh -c',
          'Program: /bin/sh',
          'Folder: /work/src',
          'Workspace: /work',
          'Where: scripted (sandbox), with network, with all files of its user',
          'In a terminal',
        ],
        ...['In the background', 'Killed after 5 ms', 'Variables of all commands: A', 'Variables:', '  B=x\ny', 'Input:', 'input'],
      ].join('\n'),
    )
    expect(permits).toBeUndefined()
    await end(staged)
  })

  test('names the folder of the host that a sandbox shows under a name of its own', async () => {
    const staged = await execStage()
    const prepare = staged.sandbox.prepare.bind(staged.sandbox)
    staged.sandbox.prepare = async (request) => ({ ...(await prepare(request)), cwd: '/workspace' })
    expect((await staged.planExec({ command: 'ls' })).display).toContain('\nFolder: /workspace\nWorkspace: /work\n')
    await end(staged)
  })

  test('has the folder once where the sandbox calls it as the host does', async () => {
    const staged = await execStage()
    const { display } = await staged.planExec({ command: 'ls' })
    expect(display).toContain('\nFolder: /work\nWhere:')
    await end(staged)
  })

  test('names the variables of the tool without their values, but for those that the call sets itself', async () => {
    const staged = await execStage({ env: { TOKEN: 'secret', REGION: 'north', B: '1' } })
    const { display } = await staged.planExec({ command: 'ls', env: { B: '2' } })
    expect(display).toContain('\nVariables of all commands: TOKEN, REGION\nVariables:\n  B=2')
    expect(display).not.toMatch(/secret|north/)
    await end(staged)
  })

  test('has no value of the variables of the tool; the command gets them when it starts', async () => {
    const env = { TOKEN: 'secret', B: '1' }
    const staged = await execStage({ env })
    const input = { argv: ['hello'], env: { B: '2' } }
    const { detail = null } = await staged.planExec(input)
    expect(JSON.stringify(detail)).not.toContain('secret')
    await staged.exec(input, { plan: detail })
    expect(staged.sandbox.started.at(-1)?.command.env).toEqual({ TOKEN: 'secret', B: '2' })
    // What was planned with other variables is not what a person has approved.
    const other = await execStage({ env: { ...env, FURTHER: 'x' } })
    await expect(other.exec(input, { plan: detail })).rejects.toMatchObject({ code: 'command-refused' })
    // An earlier version has planned it, with the values.
    const { usual: _, ...earlier } = detail as unknown as ExecDetail & { usual: unknown }
    await staged.exec(input, { plan: { ...earlier, prepared: { ...earlier.prepared, env: { TOKEN: 'old', B: '2' } } } as never })
    expect(staged.sandbox.started.at(-1)?.command.env).toEqual({ TOKEN: 'old', B: '2' })
    await end(staged)
    await end(other)
  })

  test('says without network, and nothing of files, where the sandbox sees to that', async () => {
    const staged = await execStage()
    staged.sandbox.probe = async () => ({ isAvailable: true, enforces: ['network', 'filesystem'] })
    const { display } = await staged.planExec({ command: 'ls' })
    expect(display).toContain('Where: scripted (sandbox), without network\n'.trim())
    expect(display).not.toContain('files')
    await end(staged)
  })

  test('has a permit for each program of plain words, and none where input or variables may change what it does', async () => {
    const staged = await execStage()
    expect((await staged.planExec({ command: 'git status && ls -l' })).permits).toEqual([
      { subject: 'exec:scripted:/bin/git', args: ['status'] },
      { subject: 'exec:scripted:/bin/ls', args: ['-l'] },
    ])
    expect((await staged.planExec({ argv: ['ls', '*'] })).permits).toEqual([{ subject: 'exec:scripted:/bin/ls', args: ['*'] }])
    for (const further of [{ env: { A: '1' } }, { stdin: 'x' }])
      expect((await staged.planExec({ argv: ['ls'], ...further })).permits).toBeUndefined()
    expect((await staged.planExec({ command: 'ls $(id)' })).permits).toBeUndefined()
    expect(staged.sandbox.started).toEqual([])
    await end(staged)
  })

  test('is what runs, without another look', async () => {
    const staged = await execStage()
    const plan = JSON.parse(JSON.stringify((await staged.planExec({ argv: ['hello'] })).detail))
    staged.sandbox.before = (method) => {
      if (method === 'prepare') throw new Error('looked up again')
    }
    expect((await staged.exec({ argv: ['ls'] }, { plan })).content).toContain('hello')
    expect(staged.sandbox.started[0]?.command).toEqual(plan.prepared)
    await end(staged)
  })

  test('is refused for another input of the command, and when it is not one of exec', async () => {
    const staged = await execStage()
    const { detail } = await staged.planExec({ argv: ['hello'], stdin: 'approved' })
    await expect(staged.exec({ argv: ['hello'], stdin: 'other' }, { plan: detail })).rejects.toEqual(code('command-refused'))
    await expect(staged.exec({ argv: ['hello'] }, { plan: detail })).rejects.toEqual(code('command-refused'))
    await expect(staged.exec({ argv: ['hello'] }, { plan: { text: 'ls' } })).rejects.toEqual(code('command-refused'))
    expect(staged.sandbox.started).toEqual([])
    await end(staged)
  })
})

describe('the options of exec', () => {
  test.each([
    [{ sandbox: undefined }],
    [{ sandboxes: { sandbox: new ScriptedSandbox() } }],
    [{ workspace: 'relative' }],
    [{ yieldAfterMs: 1e9 }],
    [{ limits: { cpu: 1 } }],
    [{ risk: 'none' }],
    [{ shell: 'zsh' }],
    [{ processes: {} }],
  ])('are checked: %#', async (wrong) => {
    const processes = { of: () => {}, start: () => {} }
    expect(() => execTool({ processes, sandbox: new ScriptedSandbox(), workspace: '/work', ...wrong } as never)).toThrow(
      code('invalid-option'),
    )
  })
})
