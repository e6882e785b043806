/** Looks through the file of the index of sessions in another thread: every page, and whether what it is sorted by agrees with what it has. */
import { pathToFileURL } from 'node:url'
import { Worker } from 'node:worker_threads'
import { IndexDamage } from './index-database.ts'
import { isDamage } from './index-failures.ts'

/** A check under way. The file must not change before it has ended. */
export interface IndexCheck {
  /** Never rejects. `unknown`: the check did not come to an end. */
  readonly verdict: Promise<'sound' | 'unknown' | IndexDamage>
  /** Tells the check to end. One step of SQLite cannot be interrupted, so it goes on for a moment, and its verdict is `unknown`. */
  readonly stop: () => void
}

/** What the thread reports: the first problem that SQLite found, `ok`, or the error that it threw. */
type Report = { readonly found: string } | { readonly errcode: number | undefined; readonly message: string }

// A text, not a file: bundlers lose files of threads. The file is not being written, so nothing is locked and no file is made beside it.
const program = `
const { parentPort, workerData } = process.getBuiltinModule('node:worker_threads')
process.emitWarning = () => {}
const { DatabaseSync } = process.getBuiltinModule('node:sqlite')
let report
try {
  const database = new DatabaseSync(new URL(workerData), { readOnly: true })
  const row = database.prepare('PRAGMA integrity_check(1)').get()
  report = { found: String(row?.integrity_check) }
  database.close()
} catch (error) {
  report = { errcode: error.errcode, message: String(error.message) }
}
parentPort.postMessage(report)
`

/** Begins to look through a file: about six seconds for a gigabyte. It does not keep the process alive. */
export function checkIndexFile(path: string): IndexCheck {
  const { promise: verdict, resolve } = Promise.withResolvers<'sound' | 'unknown' | IndexDamage>()
  const url = pathToFileURL(path)
  url.search = '?immutable=1'
  try {
    const worker = new Worker(program, { eval: true, workerData: url.href, execArgv: [], env: {} })
    worker.unref()
    worker.once('message', (report: Report) => resolve(verdictOf(report)))
    worker.once('error', () => resolve('unknown'))
    worker.once('exit', () => resolve('unknown'))
    const stop = (): void => {
      resolve('unknown')
      worker.terminate().catch(() => {})
    }
    return { verdict, stop }
  } catch {
    // A runtime that starts no threads.
    resolve('unknown')
    return { verdict, stop: () => {} }
  }
}

function verdictOf(report: Report): 'sound' | 'unknown' | IndexDamage {
  if ('found' in report) return report.found === 'ok' ? 'sound' : new IndexDamage(report.found)
  return isDamage(report) ? new IndexDamage(report.message) : 'unknown'
}
