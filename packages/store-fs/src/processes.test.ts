import { execFileSync, spawnSync } from 'node:child_process'
import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { expectRejection, fencingToken, range } from '@beamclaw/testkit'
import { describe, expect, test } from 'vitest'
import { FsStore } from './fs-store.ts'
import { LoopProcess } from './testing/child.ts'
import { logKey, scratchDirectory } from './testing/scratch.ts'

async function checkLog(path: string, acknowledged: number): Promise<number> {
  await using store = new FsStore({ path })
  const log = await store.openLog(logKey, fencingToken(1_000_000, 'check'))
  const { snapshot, records } = await log.read()
  const last = records.at(-1)?.seq ?? snapshot?.seq ?? 0
  expect(last).toBeGreaterThanOrEqual(acknowledged)
  expect(records.map(({ seq }) => seq)).toEqual(range((snapshot?.seq ?? 0) + 1, last))
  for (const { seq, id, data } of records) expect([id, data]).toEqual([`record-${seq}`, { text: 'x'.repeat((seq * 37) % 500) }])
  return last
}

describe('real processes', () => {
  test('kill -9 at 20 moments: every acknowledged record is there, and the next process goes on at once', async () => {
    await using scratch = await scratchDirectory()
    let acknowledged = 0
    for (const round of range(1, 20)) {
      // So little fits a segment that lines move to the own file all the time.
      const sizes = JSON.stringify({ walSegmentBytes: 4_000, walMaxBytes: 16_000 })
      await using loop = new LoopProcess([scratch.path, String(round), '1000000', sizes])
      // Far enough in some rounds to die in a compaction; the pipe and the scheduler add the chance.
      const enough = 1 + ((round * 29) % 90)
      await loop.until((lines) => lines.length > enough)
      loop.signal('SIGKILL')
      await loop.ended
      expect(loop.lines[0]?.opened).toBeGreaterThanOrEqual(acknowledged)
      expect(loop.lines.find(({ failed }) => failed !== undefined)).toBeUndefined()
      acknowledged = loop.acknowledged
    }
    await checkLog(scratch.path, acknowledged)
  })

  test('F15: a second process is refused, also while the first is stopped, and named its pid', async () => {
    await using scratch = await scratchDirectory()
    await using first = new LoopProcess([scratch.path, '1'])
    await first.until((lines) => lines.length > 3)
    first.signal('SIGSTOP')
    const store = new FsStore({ path: scratch.path })
    const error = await expectRejection(store.get(logKey), 'store-locked')
    expect(error.message).toContain(`process ${first.child.pid}`)
    expect(error.details).toMatchObject({ pid: first.child.pid })
    await using second = new LoopProcess([scratch.path, '2'])
    await second.ended
    expect(second.lines).toMatchObject([{ failed: 'store-locked', details: { pid: first.child.pid } }])
    first.signal('SIGKILL')
    await first.ended
    // The same store may try again: the lock is free at once.
    expect(await store.get(logKey)).toBeUndefined()
    await store.stop()
  })

  const hasNamespaces = spawnSync('unshare', ['--net', 'true']).status === 0
  if (!hasNamespaces) console.log('skipped: F15 without a common lock needs `unshare --net`, which this machine does not allow')

  test.skipIf(!hasNamespaces)('F15: where no lock is shared, the stopped first process is fenced by the seal', async () => {
    await using scratch = await scratchDirectory()
    for (const round of range(1, 2)) {
      const path = join(scratch.path, `${round}`)
      await mkdir(path)
      await using first = new LoopProcess([path, '1'], ['unshare', '--net'])
      await first.until((lines) => lines.length > round * 30)
      first.signal('SIGSTOP')
      // Another container on the same volume: another network, and pids that mean nothing.
      await rm(join(path, '.lock'))
      await using second = new LoopProcess([path, '2', '30'])
      await second.ended
      expect(second.lines[0]?.opened).toBeGreaterThanOrEqual(first.acknowledged)
      expect(second.lines.at(-1)?.stopped).toBe(second.acknowledged)
      first.signal('SIGCONT')
      await first.ended
      expect(first.lines.at(-1)).toMatchObject({ failed: 'fenced' })
      expect(first.acknowledged).toBeLessThanOrEqual(second.lines[0]?.opened ?? 0)
      expect(await checkLog(path, second.acknowledged)).toBe(second.acknowledged)
    }
  })

  const hasStrace = spawnSync('strace', ['-f', '-e', 'inject=getpid:error=EIO:when=1', 'true']).status === 0
  if (!hasStrace) console.log('skipped: F11 needs strace with the right to trace')

  test.skipIf(!hasStrace)(
    'F11: EIO from the write of a group breaks the handle without an acknowledgement, and a new opening goes on',
    async () => {
      await using scratch = await scratchDirectory()
      // One thread, because strace counts the calls of each thread for itself.
      const path = join(scratch.path, 'data')
      const segment = join(path, 'wal/00000001.jsonl')
      const strace = ['strace', '-f', '-qq', '-E', 'UV_THREADPOOL_SIZE=1', '-o', join(scratch.path, 'trace'), '-P', segment]
      // The first write is that of the header.
      const inject = [...strace, '-e', 'trace=pwrite64', '-e', 'inject=pwrite64:error=EIO:when=8']
      await using first = new LoopProcess([path, '1'], inject)
      await first.ended
      expect(first.lines.at(-1)).toMatchObject({ failed: 'store-io' })
      const acknowledged = first.acknowledged
      expect(acknowledged).toBe(1 + 2 + 3 + 1 + 2 + 3)
      expect(await checkLog(path, acknowledged)).toBe(acknowledged)
      expect(execFileSync('grep', ['-c', 'INJECTED', join(scratch.path, 'trace')], { encoding: 'utf8' }).trim()).toBe('1')
    },
  )
})
