/** A process that fills a write-ahead log of 128 MiB and kills itself. Argument: the data directory. */
import { defaultTenant, type LogEntry } from '@beamclaw/core'
import { FsStore } from '@beamclaw/store-fs'

const [path = ''] = process.argv.slice(2)
const text = 'x'.repeat(300)
// Nothing moves before half of this.
const store = new FsStore({ path, sync: 'os', walMaxBytes: 1024 ** 3 })
const logs = await Promise.all(
  Array.from({ length: 500 }, (_, index) => store.openLog([defaultTenant, 'bench', String(index)], { epoch: 1, nonce: 'bench' })),
)
// A line has about 450 bytes.
for (let seq = 1; seq <= 600; seq++) {
  const record: LogEntry = { seq, type: 'model-response', id: `bench.${seq}`, ts: 1_700_000_000_000, data: { runId: 'run-1', text } }
  await Promise.all(logs.map((log) => log.append([record])))
}
process.kill(process.pid, 'SIGKILL')
