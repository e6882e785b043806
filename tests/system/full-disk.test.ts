/** Disks that are full or fail, seen from outside the whole process. */
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startGateway } from 'beamclaw/testing'
import { describe, expect, test } from 'vitest'
import { Drill } from './lab/drill.ts'
import { readJournal } from './lab/journal-files.ts'
import { journalUntil, recordsOf } from './lab/journals.ts'

const canMount = process.platform === 'linux' && process.getuid?.() === 0 && spawnSync('unshare', ['--mount', 'true']).status === 0
if (!canMount) console.log('skipped: F10 through the whole process needs the right to mount a tmpfs')
const canTrace = spawnSync('strace', ['-f', '-e', 'inject=getpid:error=EIO:when=1', 'true']).status === 0
if (!canTrace) console.log('skipped: F11 through the whole process needs strace with the right to trace')

/**
 * Which durable write of a segment fails in a one-message run, after that of the header: 2 that of message-in, run-start, model-request and the list of busy
 * sessions, which share it, 3 that of model-response and run-end.
 */
const writes = [2, 3]

/** Options of strace for writes into the write-ahead log that fail. */
function failingWrites(data: string, when: string): string[] {
  const segments = [1, 2, 3].flatMap((number) => ['-P', join(data, `wal/0000000${number}.jsonl`)])
  return [...segments, '-e', 'trace=pwrite64', '-e', `inject=pwrite64:error=EIO:when=${when}`]
}

/** The status and the error code of one question. */
async function ask(url: string, text: string, session = 'first'): Promise<readonly [status: number, code: string | undefined]> {
  const response = await fetch(`${url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-beamclaw-session-key': `agent:main:${session}` },
    body: JSON.stringify({ model: 'beamclaw', messages: [{ role: 'user', content: text }] }),
  })
  const { error } = (await response.json()) as { readonly error?: { readonly code: string } }
  return [response.status, error?.code]
}

describe('a disk', () => {
  test.skipIf(!canMount)(
    'F10: that is full: callers hear store-full, the process stays up, and works again when there is room',
    async () => {
      const folder = mkdtempSync(join(tmpdir(), 'beamclaw-full-'))
      const disk = join(folder, 'disk')
      mkdirSync(disk)
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=400k', 'tmpfs', disk])
      const gateway = await startGateway(['--data-dir', join(disk, 'data')])
      try {
        expect(await ask(gateway.url, 'hello')).toEqual([200, undefined])
        writeFileSync(join(disk, 'ballast'), Buffer.alloc(150_000))
        const answers: (readonly [number, string | undefined])[] = []
        while (answers.at(-1)?.[1] !== 'store-full') answers.push(await ask(gateway.url, 'x'.repeat(20_000)))
        expect(answers.at(-1)).toEqual([507, 'store-full'])
        const acknowledged = answers.filter(([status]) => status === 200).length
        // Nor does a new session fit.
        expect(await ask(gateway.url, 'x'.repeat(40_000), 'second')).toEqual([507, 'store-full'])
        expect((await fetch(`${gateway.url}/health`)).status).toBe(200)
        expect(gateway.child.exitCode).toBeNull()

        rmSync(join(disk, 'ballast'))
        // What is moved in the background is there twice for a moment.
        for (const session of ['first', 'second'])
          await expect.poll(() => ask(gateway.url, 'hello', session), { timeout: 20_000 }).toEqual([200, undefined])
        const records = readJournal(join(disk, 'data'))
        expect(recordsOf(records, 'run-end').length).toBeGreaterThanOrEqual(acknowledged + 2)
        expect(recordsOf(records, 'run-start').length).toBe(recordsOf(records, 'run-end').length)
      } finally {
        gateway.child.kill('SIGKILL')
        await gateway.exited
        execFileSync('umount', ['-l', disk])
        rmSync(folder, { recursive: true, force: true })
      }
    },
  )

  // Strace counts the calls of each thread for itself, so there is one thread.
  test.skipIf(!canTrace).each(writes)(
    'F11: whose write fails once, at write %i: nothing is acknowledged that is not there, and the run is done in the end',
    async (when) => {
      await using drill = await Drill.begin()
      const strace = [
        'strace',
        '-f',
        '-qq',
        '-E',
        'UV_THREADPOOL_SIZE=1',
        '-o',
        join(drill.folder, 'trace'),
        ...failingWrites(drill.data, `${when}`),
      ]
      const agent = await drill.launch({}, strace).ready()
      const { refused } = await agent.ask('hello', { key: 'one' })
      if (refused !== undefined) expect(refused).toMatchObject({ code: 'store-io' })
      // The client tries again with the same key.
      expect((await agent.ask('hello', { key: 'one' })).result?.text).toBe('heard: hello')
      const records = await journalUntil(drill.data, 'first', (all) => recordsOf(all, 'run-end').length > 0)
      expect(recordsOf(records, 'run-end')).toMatchObject([{ data: { outcome: 'completed' } }])
      expect(execFileSync('grep', ['-c', 'INJECTED', join(drill.folder, 'trace')], { encoding: 'utf8' }).trim()).toBe('1')
      await agent.kill()
      expect(drill.problems()).toEqual([])
    },
  )

  test.skipIf(!canTrace)('F11: whose writes go on failing: the gateway ends, and the next one finishes what was accepted', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'beamclaw-broken-'))
    const data = join(folder, 'data')
    try {
      // That of the answer, and after the header of the next segment the one there.
      const inject = failingWrites(data, '3+2')
      const strace = ['strace', '-f', '-qq', '-E', 'UV_THREADPOOL_SIZE=1', '-o', join(folder, 'trace'), ...inject]
      const failing = await startGateway(['--data-dir', data], {}, strace)
      expect((await ask(failing.url, 'hello'))[0]).toBeGreaterThanOrEqual(500)
      expect(await failing.exited).toBe(1)
      expect(failing.output()).toContain('store-failed')
      expect(recordsOf(readJournal(data), 'run-end')).toEqual([])

      const gateway = await startGateway(['--data-dir', data])
      expect(await ask(gateway.url, 'and again')).toEqual([200, undefined])
      expect(recordsOf(readJournal(data), 'run-end')).toMatchObject([
        { data: { outcome: 'completed' } },
        { data: { outcome: 'completed' } },
      ])
      gateway.child.kill('SIGKILL')
      await gateway.exited
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  })
})
