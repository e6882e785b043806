// What the page on operations says of sessions in Redis: copying, restoring and reading them.
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { defaultTenant } from '@beamclaw/core'
import { inspectRedis, RedisStore } from '@beamclaw/store-redis'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { isWithoutRedis, TestRedis } from '../testing/redis-server.ts'
import { runCli } from '../testing/run-cli.ts'

test.each([[['backup', 'copy']], [['journal', 'main']], [['doctor', '--repair']]])('%j says what to use instead', async (args) => {
  const folder = mkdtempSync(join(tmpdir(), 'beamclaw-redis-data-'))
  try {
    const file = join(folder, 'beamclaw.yaml')
    writeFileSync(file, 'store: redis\n')
    const said = `${file}: store.type: sessions are kept in Redis, so there is no data directory; redis-cli --rdb FILE copies everything`
    expect(await runCli([...args, '--config', file])).toMatchObject({ code: 2, errors: expect.stringContaining(said) })
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})

describe.skipIf(isWithoutRedis)('over a real server', () => {
  const key = [defaultTenant, 'sessions', 'main', 'chat'] as const
  let [before, after]: TestRedis[] = []
  let storeId: string
  beforeEach(async () => {
    before = new TestRedis()
    after = new TestRedis()
    await before.start('--repl-diskless-sync-delay', '0')
    const store = new RedisStore({ url: before.url })
    storeId = await store.id()
    const log = await store.openLog(key, { epoch: 1, nonce: 'a' })
    await log.append([{ seq: 1, type: 'note', id: 'note-1', ts: 0, data: { text: 'rain' } }])
    await store.stop()
  })
  afterEach(async () => {
    await before?.dispose()
    await after?.dispose()
  })

  test('a snapshot is restored by a start without the append-only file, which is turned on then', async () => {
    const [source, target] = [before as TestRedis, after as TestRedis]
    const copy = join(source.folder, 'monday.rdb')
    source.send('--rdb', copy)
    copyFileSync(copy, join(target.folder, 'dump.rdb'))
    await target.start('--appendonly', 'no')
    expect(target.send('CONFIG', 'SET', 'appendonly', 'yes')).toBe('OK')
    while (!target.send('INFO', 'persistence').includes('aof_rewrite_in_progress:0'));
    await target.stop()
    await target.start()
    expect(await inspectRedis({ url: target.url, storeId })).toMatchObject({ storeId, refusal: undefined, hasAppendOnlyFile: true })
    await using restored = new RedisStore({ url: target.url, storeId })
    expect((await restored.readLog(key))?.records).toMatchObject([{ data: { text: 'rain' } }])
  })

  test('a journal is the list that the hash of its owner names', () => {
    const source = before as TestRedis
    const tag = source.send('--raw', 'HGET', 'beamclaw:{default/sessions/main/chat}:m', 't')
    const line = source.send('--raw', 'LRANGE', `beamclaw:{default/sessions/main/chat}:j:${tag}`, '1', '-1')
    expect(JSON.parse(line)).toMatchObject({ t: 'note', d: { text: 'rain' } })
  })
})
