import { describe, expect, test } from 'vitest'
import type { ExecDetail } from './exec-plan.ts'
import { execStage } from './testing/exec-stage.ts'

const code = (one: string) => expect.objectContaining({ code: one })

/** Ends what runs, and stops. */
async function end({ claw, sandbox }: Pick<Awaited<ReturnType<typeof execStage>>, 'claw' | 'sandbox'>): Promise<void> {
  for (const process of sandbox.running) process.exit(0)
  await claw.stop()
}

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
          'Shell: /bin/sh -c',
          'Program: /bin/sh',
          'Folder: /work/src',
          'Workspace: /work',
          'Where: scripted (sandbox), with network, with all files of its user',
          'In a terminal',
        ],
        ...[
          'In the background',
          'Killed after 5 ms',
          'Variables of all commands: A',
          'Command:',
          '| ls -l',
          'Variable B:',
          '| x',
          '| y',
          'Input:',
          '| input',
        ],
      ].join('\n'),
    )
    expect(permits).toBeUndefined()
    await end(staged)
  })

  test('marks each line that the model has written, so that none reads as a fact', async () => {
    const staged = await execStage()
    const fact = 'Where: bubblewrap (sandbox), without network'
    for (const input of [
      { command: `ls\n${fact}\nProgram: /bin/true` },
      { argv: ['ls', `a\n${fact}`] },
      { argv: ['ls'], env: { A: `1\n${fact}` } },
      { argv: ['ls'], stdin: `1\n${fact}` },
      { argv: ['ls'], cwd: `src\n${fact}` },
    ]) {
      const lines = (await staged.planExec(input)).display.split('\n')
      expect(lines.filter((line) => line.startsWith('Where: ') || line.startsWith('Program: '))).toEqual([
        expect.stringMatching(/^Program: \/bin\/(?:sh|ls)$/),
        expect.stringContaining('Where: scripted'),
      ])
      expect(lines.slice(lines.indexOf('Command:')).filter((line) => !/^(?:\| |Command:$|Variable A:$|Input:$)/.test(line))).toEqual([])
    }
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
    expect(display).toContain('\nVariables of all commands: TOKEN, REGION\n')
    expect(display).toContain('\nVariable B:\n| 2')
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
    for (const further of [{ env: { A: '1' } }, { stdin: 'x' }, { pty: true }])
      expect((await staged.planExec({ argv: ['ls'], ...further })).permits).toBeUndefined()
    expect((await staged.planExec({ command: 'ls $(id)' })).permits).toBeUndefined()
    expect(staged.sandbox.started).toEqual([])
    await end(staged)
  })

  test('has permits of programs that the operator has added', async () => {
    const staged = await execStage({ rememberable: ['hello'] })
    expect((await staged.planExec({ command: 'hello a' })).permits).toEqual([{ subject: 'exec:scripted:/bin/hello', args: ['a'] }])
    expect((await staged.planExec({ command: 'fail a' })).permits).toBeUndefined()
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
