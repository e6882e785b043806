/**
 * A process that appends until it is stopped, and prints one line of JSON for each step. Arguments: data directory, epoch, maximum number of
 * appends, and options of its store as JSON.
 */

import { writeSync } from 'node:fs'
import { BeamClawError } from '@beamclaw/core'
import { FsStore } from '../fs-store.ts'

const [path = '', epoch = '1', limit = '1000000', options = '{}'] = process.argv.slice(2)

// Synchronous, so that a printed line is out even when SIGKILL comes next.
function print(line: Readonly<Record<string, unknown>>): void {
  writeSync(1, `${JSON.stringify(line)}\n`)
}

async function run(): Promise<void> {
  const key = ['default', 'sessions', 'ops', 'main'] as unknown as Parameters<FsStore['openLog']>[0]
  const store = new FsStore({ path, ...JSON.parse(options) })
  const log = await store.openLog(key, { epoch: Number(epoch), nonce: 'loop' })
  const { snapshot, records } = await log.read()
  let seq = Math.max(snapshot?.seq ?? 0, records.at(-1)?.seq ?? 0)
  print({ opened: seq })
  for (let count = 0; count < Number(limit); count++) {
    const size = 1 + (count % 3)
    const batch = Array.from({ length: size }, (_, index) => {
      const own = seq + 1 + index
      return { seq: own, type: 'note', id: `record-${own}`, ts: own, data: { text: 'x'.repeat((own * 37) % 500) } }
    })
    await log.append(batch)
    seq += size
    print({ acknowledged: seq })
    if (count % 40 === 39) await log.snapshot({ seq, state: { upTo: seq } })
  }
  await store.stop()
  print({ stopped: seq })
}

run().catch((error: unknown) => {
  print(
    BeamClawError.isInstance(error) ? { failed: error.code, message: error.message, details: error.details } : { failed: String(error) },
  )
  process.exit(0)
})
