/** `exec` and `process` with real commands on this host. */
import { chmodSync, existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { isRunning, key, realStage } from './testing/real-stage.ts'

type Real = Awaited<ReturnType<typeof realStage>>

/** Starts shell text in the background; resolves with its name and the numbers that it has printed in its first line. */
async function begin(staged: Real, command: string): Promise<{ readonly id: string; readonly pids: readonly number[] }> {
  await staged.exec({ command, background: true })
  const list = staged.processes.of()
  const id = list.list()[0]?.id ?? ''
  for (let from = 0; ; ) {
    const { text, next } = await list.poll(id, { waitMs: 20_000, from })
    from = text.includes('\n') ? 0 : next
    if (text.includes('\n')) return { id, pids: list.read(id).text.split('\n')[0]?.trim().split(/\s+/).map(Number) ?? [] }
  }
}

describe.skipIf(process.platform !== 'linux')('real commands', () => {
  test('return code and output, errors and input', async () => {
    const staged = await realStage()
    expect(await staged.exec({ command: 'echo one; echo two >&2; exit 3' })).toMatchObject({
      content: expect.stringMatching(/^Exit code 3 after .* s\.\n(?:one\ntwo|two\none)\n$/),
      isError: false,
    })
    expect((await staged.exec({ argv: ['cat'], stdin: 'from here' })).content).toContain('from here')
    expect((await staged.exec({ argv: ['cat'] })).content).toContain('(no output)')
    expect((await staged.exec({ argv: ['echo', '$HOME *'] })).content).toContain('$HOME *')
    expect((await staged.exec({ command: 'pwd', cwd: '.' })).content).toContain(staged.workspace)
    await expect(staged.exec({ argv: ['no-such-program'] })).rejects.toMatchObject({ code: 'command-not-found' })
    await staged.stop()
  })

  test('that do not read their input go on in the background none the less', async () => {
    const staged = await realStage()
    const stdin = 'x'.repeat(500_000)
    const { content } = await staged.exec({ argv: ['sleep', '1000'], stdin, yieldAfterMs: 1 })
    expect(content).toContain('It goes on in the background as')
    const list = staged.processes.of()
    const id = list.list()[0]?.id ?? ''
    expect((await staged.process({ action: 'kill', id })).content).toMatch(/^Killed/)
    await staged.exec({ command: 'sleep 1000', background: true, stdin, yieldAfterMs: 1 })
    await staged.stop()
  })

  test('are killed with all their children, also ones that do not listen', async () => {
    const staged = await realStage({ killAfterMs: 300 })
    const polite = await begin(staged, 'sleep 1000 & a=$!; sleep 1000 & echo $a $! $$; wait')
    const stubborn = await begin(
      staged,
      'trap "" TERM; (trap "" TERM; while :; do sleep 1000; done) & echo $! $$; while :; do sleep 1000; done',
    )
    for (const { id, pids } of [polite, stubborn]) {
      expect(pids.every(isRunning)).toBe(true)
      expect((await staged.process({ action: 'kill', id })).content).toMatch(/^Killed/)
      expect(staged.processes.of().get(id)).toMatchObject({ status: 'killed', exit: { survivors: 0 } })
      expect(pids.filter(isRunning)).toEqual([])
    }
    await staged.stop()
  })

  test('may be stopped by a signal when they are killed', async () => {
    const staged = await realStage()
    const { id, pids } = await begin(staged, 'echo $$; kill -STOP $$; sleep 1000')
    await staged.process({ action: 'kill', id })
    expect(pids.filter(isRunning)).toEqual([])
    await staged.stop()
  })

  test('go to the background, take input, and wake their session when they end', async () => {
    const staged = await realStage()
    await staged.session().send('Hello').result()
    const { id } = await begin(staged, 'echo ready; read line; echo "got $line"')
    await staged.process({ action: 'write', id, text: 'a word\n' })
    await staged.processes.of().poll(id, { waitMs: 20_000, until: 'end' })
    expect(staged.processes.of().tail(id).text).toBe('ready\ngot a word\n')
    for await (const event of staged.session().subscribe()) if (event.type === 'run-end' && staged.provider.requests.length > 1) break
    expect(JSON.stringify(staged.provider.requests.at(-1)?.messages.at(-1))).toContain(`${id} has ended with code 0`)
    await staged.stop()
  })

  test('yield, and are ended by their timeout', async () => {
    const staged = await realStage()
    expect((await staged.exec({ argv: ['sleep', '1000'], yieldAfterMs: 0 })).content).toContain('in the background')
    expect(await staged.exec({ argv: ['sleep', '1000'], timeoutMs: 50 })).toMatchObject({
      content: expect.stringContaining('longer than its timeout'),
      isError: true,
    })
    await staged.stop()
    expect(staged.processes.of.bind(staged.processes)).toThrow(expect.objectContaining({ code: 'actor-not-running' }))
  })

  test('may print a gigabyte, in memory that does not grow with it', async () => {
    const staged = await realStage()
    const before = process.memoryUsage().arrayBuffers
    let most = 0
    const watch = setInterval(() => {
      most = Math.max(most, process.memoryUsage().arrayBuffers - before)
    }, 10)
    const { content } = await staged.exec({ command: 'head -c 1073741824 /dev/zero | tr "\\0" a' })
    clearInterval(watch)
    expect(content).toContain('of 1073741824 bytes the middle is left out')
    expect(staged.processes.of().list()[0]?.outputBytes).toBe(1024 ** 3)
    expect(most).toBeLessThan(256 * 1024 * 1024)
    await staged.stop()
  }, 120_000)

  test('run two hundred at a time', async () => {
    const staged = await realStage({ maxPerSession: 200 })
    const outcomes = await Promise.all(Array.from({ length: 200 }, () => staged.exec({ argv: ['cat'], background: true })))
    expect(outcomes.filter(({ isError }) => isError)).toEqual([])
    const list = staged.processes.of()
    expect(list.list({ isRunning: true })).toHaveLength(200)
    await expect(staged.exec({ argv: ['cat'], background: true })).rejects.toMatchObject({ code: 'too-many-processes' })
    const ids = list.list().map(({ id }) => id)
    expect(new Set(ids).size).toBe(200)
    await Promise.all(ids.map((id) => list.write(id, `I am ${id}`)))
    await Promise.all(ids.map((id) => list.endInput(id)))
    for (const id of ids) expect(await list.poll(id, { waitMs: 60_000, until: 'end' })).toMatchObject({ text: `I am ${id}`, isEnd: true })
    await staged.stop()
  }, 120_000)

  test('are ended with the BeamClaw, and after a crash by the next one', async () => {
    const staged = await realStage()
    await staged.session().send('Hello').result()
    const { id, pids } = await begin(staged, 'sleep 1000 & echo $! $$; wait')
    await staged.restart()
    expect(pids.filter(isRunning)).toEqual([])
    expect(staged.processes.of().get(id)).toMatchObject({ status: 'lost', owner: { sessionKey: key } })
    const second = await begin(staged, 'sleep 1000 & echo $! $$; wait')
    await staged.stop()
    expect(second.pids.filter(isRunning)).toEqual([])
  })

  test.skipIf(!existsSync('/usr/bin/git'))('of git take no settings from a file that a repository has at its top', async () => {
    const { workspace, exec, stop } = await realStage()
    writeFileSync(join(workspace, '.gitconfig'), '[core]\n\tfsmonitor = touch RAN; false\n[alias]\n\tst = !touch RAN\n')
    expect((await exec({ command: 'git init -q . && git status --short && git st' })).content).toContain('.gitconfig')
    expect(existsSync(join(workspace, 'RAN'))).toBe(false)
    await stop()
  })

  test('are refused when the program has changed since it was approved', async () => {
    const staged = await realStage()
    const script = join(staged.workspace, 'build.sh')
    writeFileSync(script, '#!/bin/sh\necho approved\n')
    chmodSync(script, 0o755)
    const { detail, permits } = await staged.plan({ argv: ['./build.sh'] })
    expect(permits).toBeUndefined()
    expect((await staged.exec({ argv: ['./build.sh'] }, detail)).content).toContain('approved')
    writeFileSync(script, '#!/bin/sh\necho changed\n')
    await expect(staged.exec({ argv: ['./build.sh'] }, detail)).rejects.toMatchObject({ code: 'command-refused' })
    await staged.stop()
  })

  test('have permits that name the real program', async () => {
    const staged = await realStage()
    const { permits } = await staged.plan({ command: "cat a.txt | wc -l && nohup ls 'a b'" })
    expect(permits?.map(({ subject }) => subject)).toEqual([
      expect.stringMatching(/^exec:local:\/.*\/cat$/),
      expect.stringMatching(/^exec:local:\/.*\/wc$/),
      expect.stringMatching(/^exec:local:\/.*\/ls$/),
    ])
    for (const command of ['awk 1 a', 'vi a', './build.sh', 'env ls', 'sh -c ls'])
      expect((await staged.plan({ command })).permits).toBeUndefined()
    await staged.stop()
  })
})
