/** A data directory of a single process with one of everything, as a kill leaves it. */
import { cpSync, existsSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseTenantId, type Store, type StoreKey } from '@beamclaw/core'
import { FsStore } from '@beamclaw/store-fs'
import { fencingToken, logRecords } from '@beamclaw/testkit'
import { Hub } from '../hub.ts'
import { shardPath } from '../shard-directory.ts'
import { ShardedStore } from '../sharded-store.ts'
import { startWorkers } from './workers.ts'

const long = (name: string): string => `${name}-${'x'.repeat(200)}`
const tenants = [parseTenantId('default'), parseTenantId('other')] as const
const [tenant, other] = tenants

/** Returns the key of a session of the first tenant. */
export function sessionOf(id: string): StoreKey {
  return [tenant, 'sessions', 'main', id]
}

/** Sessions whose logs are at rest, those in the write-ahead log alone, and those with something in both. */
const atRest = ['a', 'b', 'c', long('d')]
const inWal = ['e', 'f', long('g')]
const inBoth = ['h', long('i')]

/** The highest epoch of each log. */
export const epoch = 7

/** Fills `path`. A store writes beside it, and is copied from there while it runs. */
export async function fillDirectory(path: string): Promise<void> {
  const beside = `${path}.running`
  const store = new FsStore({ path: beside })
  for (const id of [...atRest, ...inBoth]) {
    await append(store, sessionOf(id), 1, 5)
    await store.put([...sessionOf(id), 'metadata'], { label: id.slice(0, 1) })
  }
  await append(store, [other, 'sessions', 'main', 'a'], 1, 2)
  await append(store, [tenant, 'work', 'worker-1-dead-s03'], 1, 2)
  await append(store, [tenant, 'activity'], 1, 3)
  await untilAtRest(beside, [...atRest, ...inBoth].length)
  for (const id of [...atRest, ...inWal]) {
    await store.blobs.put(sessionOf(id), Buffer.from(`picture of ${id.slice(0, 1)}`))
    await store.blobs.put(sessionOf(id), new Uint8Array())
  }
  for (const name of ['grants', 'approvals', 'processes', 'sub-agents'])
    for (const id of ['one', 'two', long('three')]) await store.put([tenant, name, id], { name, id: id.slice(0, 5) })
  await store.put([tenant, 'grants', 'one'], { changed: true })
  await store.put([other, long('notes'), 'n', 'deep'], 'deep')
  const log = await store.openLog(sessionOf('h'), fencingToken(epoch))
  await log.append(logRecords(6, 8))
  await log.snapshot({ seq: 7, state: { upTo: 7 } }, { dropRecords: true })
  for (const id of [...inWal, inBoth[1] as string]) {
    const open = await store.openLog(sessionOf(id), fencingToken(epoch))
    await open.append(logRecords(id.startsWith('i') ? 6 : 1, 8))
  }
  const gone = await store.openLog(sessionOf('gone'), fencingToken(1))
  await gone.append(logRecords(1, 2))
  await store.delete(sessionOf('gone'))
  cpSync(beside, path, { recursive: true })
  rmSync(join(path, '.lock'), { force: true })
  await store.stop()
  rmSync(beside, { recursive: true, force: true })
}

async function append(store: Store, key: StoreKey, from: number, to: number): Promise<void> {
  const log = await store.openLog(key, fencingToken(epoch))
  await log.append(logRecords(from, to))
  await log.close()
}

async function untilAtRest(path: string, count: number): Promise<void> {
  const folder = join(path, 'default', 'sessions', 'main')
  for (;;) {
    const names = existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith('.log.jsonl')) : []
    if (names.length >= count && existsSync(join(path, 'default', 'activity.log.jsonl'))) return
    await sleep(5)
  }
}

/** Resolves with all that a store has, as text. */
export async function contentsOf(store: Store): Promise<Readonly<Record<string, unknown>>> {
  const found: Record<string, unknown> = {}
  for (const one of tenants)
    for (const key of await store.list([one], { limit: 1_000 })) {
      const name = key.join('/').replaceAll(/x{9,}/g, '…')
      found[name] = { document: await store.get(key), log: await store.readLog(key), blobs: await blobsOf(store, key) }
    }
  return found
}

async function blobsOf(store: Store, owner: StoreKey): Promise<readonly string[]> {
  const texts: string[] = []
  for (const { id } of await store.blobs.list(owner)) {
    const pieces: Uint8Array[] = []
    for await (const piece of (await store.blobs.read(owner, id))?.bytes ?? []) pieces.push(piece)
    texts.push(Buffer.concat(pieces).toString())
  }
  return texts.sort()
}

/** Resolves with what a worker with all shards finds in a directory. */
export async function contentsOfShards(path: string): Promise<Readonly<Record<string, unknown>>> {
  return await withShards(path, contentsOf)
}

/** Does `work` with the store of a worker that has all shards of a directory. */
export async function withShards<T>(path: string, work: (store: Store) => Promise<T>): Promise<T> {
  const [worker] = startWorkers(new Hub(), 'worker-1')
  if (worker === undefined) throw new Error('no worker')
  const openShard = (shard: number): Store => new FsStore({ path: shardPath(path, shard), sync: 'os' })
  const store = new ShardedStore({ network: worker.cluster.shards, openShard })
  try {
    await worker.cluster.locate('any')
    return await work(store)
  } finally {
    await store.stop()
    worker.kill()
  }
}
