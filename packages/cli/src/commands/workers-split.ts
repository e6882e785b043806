/** `beamclaw workers split`: makes shards of the data directory of a single process. */
import { type SplitProgress, type SplitReport, splitDataDirectory } from '@beamclaw/workers'
import { ClientError } from '../client/client-error.ts'
import { type DataFlags, wholeDirectoryFrom } from '../config/data-directory.ts'
import { many, say, sayJson, shownBytes, visible } from '../output.ts'
import { ProgressLine } from '../progress-line.ts'

export interface SplitFlags extends DataFlags {
  readonly dryRun?: boolean
  readonly json?: boolean
}

export async function splitDirectory({ dryRun = false, json = false, ...flags }: SplitFlags): Promise<void> {
  const { path } = wholeDirectoryFrom(flags, process.env, process.cwd())
  const ending = new AbortController()
  const end = (): void => ending.abort(new ClientError('split-ended', 'The split was ended by a signal; the data directory is as it was'))
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, end)
  const progress = new ProgressLine()
  const started = performance.now()
  try {
    const onProgress = (now: SplitProgress): void => progress.show(() => shownProgress(now))
    const report = await splitDataDirectory(path, { dryRun, onProgress, signal: ending.signal })
    progress.clear()
    const ms = Math.round(performance.now() - started)
    if (report.damagedFiles > 0) process.exitCode = 1
    if (json) return sayJson({ path, ...report, ms })
    warn(report)
    say(sentence(path, report, ms))
  } finally {
    progress.clear()
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.off(signal, end)
  }
}

function shownProgress({ logs, documents, blobs, bytes, ofBytes }: SplitProgress): string {
  return `${logs + documents + blobs} files, ${shownBytes(bytes)} of ${shownBytes(ofBytes)}`
}

function warn({ leftOut, damaged, damagedFiles }: SplitReport): void {
  if (leftOut.length > 0) console.error(`beamclaw: in no shard, as files of others: ${leftOut.map(visible).join(', ')}`)
  for (const { file } of damaged) console.error(`beamclaw: ${visible(file)}: damaged`)
  if (damagedFiles > 0)
    console.error(`beamclaw: ${many(damagedFiles, 'damaged file')} in the shards as before; beamclaw doctor says more (log-corrupt)`)
}

function sentence(path: string, report: SplitReport, ms: number): string {
  const { outcome, logs, documents, blobs, bytes, neededBytes, freeBytes, oldLayout } = report
  if (outcome === 'nothing') return `${path} is split into shards: there is nothing to do`
  if (outcome === 'finished')
    return `${path} is split: what an interrupted split had left to do is done. What was there before is in ${oldLayout}`
  const what = `${many(logs, 'log')}, ${many(documents, 'document')}, ${many(blobs, 'attachment')}, ${shownBytes(bytes)}`
  if (outcome === 'split')
    return `${path} is split into 16 shards: ${what} in ${(ms / 1_000).toFixed(1)} s. What was there before is in ${oldLayout}: delete it when you have looked`
  return `${path} would be split into 16 shards: ${what}, and what is in the write-ahead log alone. That needs ${shownBytes(neededBytes)} of the ${shownBytes(freeBytes)} that are free. What is there now would go to ${oldLayout}; nothing was done`
}
