/**
 * A process that appends to several logs, snapshots them, drops records, deletes logs and replaces documents, and prints one line of JSON for each promise that
 * the store made. It goes on with what it finds. Arguments: path, seed, options of its store as JSON.
 */

import { writeSync } from 'node:fs'
import type { AppendLog, StoreKey } from '@beamclaw/core'
import { FsStore } from '../fs-store.ts'
import { chance } from './chance.ts'

const [path = '', seed = '1', options = '{}'] = process.argv.slice(2)
const next = chance(Number(seed))
const keyOf = (...names: readonly string[]): StoreKey => ['default', ...names] as unknown as StoreKey
const names = ['a', 'b', 'c', 'D']

// Synchronous, so that a printed line is out even when SIGKILL comes next.
function print(line: Readonly<Record<string, unknown>>): void {
  writeSync(1, `${JSON.stringify(line)}\n`)
}

interface Open {
  readonly log: AppendLog
  readonly life: string
  seq: number
  dropped: number
}

async function open(store: FsStore, name: string): Promise<Open> {
  const log = await store.openLog(keyOf('logs', name), { epoch: 1, nonce: 'x' })
  const { snapshot, records } = await log.read()
  const seq = Math.max(snapshot?.seq ?? 0, records.at(-1)?.seq ?? 0)
  const id = records.at(-1)?.id ?? (snapshot?.state as string | undefined)
  return { log, seq, dropped: 0, life: id?.split(':')[0] ?? `${Date.now()}.${process.pid}.${next(1e9)}` }
}

async function live(store: FsStore, name: string): Promise<void> {
  let own = await open(store, name)
  print({ log: name, life: own.life, seq: own.seq })
  for (;;) {
    const what = next(20)
    if (what < 13) {
      const count = 1 + next(3)
      const records = Array.from({ length: count }, (_, index) => {
        const seq = own.seq + 1 + index
        return { seq, type: 'note', id: `${own.life}:${seq}`, ts: seq, data: { text: 'x'.repeat(next(300)) } }
      })
      await own.log.append(records)
      own.seq += count
      print({ log: name, life: own.life, seq: own.seq })
    } else if (what < 16 && own.seq > own.dropped) {
      const dropRecords = next(3) === 0
      await own.log.snapshot({ seq: own.seq, state: `${own.life}:${own.seq}` }, { dropRecords })
      if (dropRecords) own.dropped = own.seq
      if (dropRecords) print({ log: name, life: own.life, seq: own.seq, dropped: own.seq })
    } else if (what === 16) {
      await own.log.close()
      own = { ...(await open(store, name)), dropped: own.dropped }
    } else if (what === 17 && next(3) === 0) {
      print({ log: name, life: own.life, deleting: true })
      await store.deleteLog(keyOf('logs', name), { epoch: 1, nonce: 'x' })
      print({ log: name, life: own.life, deleted: true })
      own = await open(store, name)
    } else if (what === 18) {
      const version = await store.put(keyOf('notes', name), { text: 'y'.repeat(next(2_000)) })
      print({ document: name, version })
    } else await new Promise((resolve) => setTimeout(resolve, next(8)))
  }
}

/** The list of busy sessions, as core keeps it. */
async function listActivity(store: FsStore): Promise<void> {
  const log = await store.openLog(keyOf('activity'), { epoch: 1, nonce: 'x' })
  const { snapshot, records } = await log.read()
  let seq = Math.max(snapshot?.seq ?? 0, records.at(-1)?.seq ?? 0)
  for (;;) {
    seq += 1
    await log.append([{ seq, type: next(2) === 0 ? 'busy' : 'idle', id: `activity-${seq}`, ts: 0, data: { sessionKey: 'agent:main:a' } }])
    await new Promise((resolve) => setTimeout(resolve, next(5)))
  }
}

const store = new FsStore({ path, ...JSON.parse(options) })
Promise.all([...names.map((name) => live(store, name)), listActivity(store)]).catch((error: unknown) => {
  print({ failed: String(error), code: (error as { readonly code?: string }).code })
  process.exit(1)
})
