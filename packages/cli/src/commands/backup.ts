/** `beamclaw backup`: copies the data directory, also while a gateway runs. */
import { resolve } from 'node:path'
import { type BackupDamage, type BackupProgress, backupDirectory } from '@beamclaw/store-fs'
import { ClientError } from '../client/client-error.ts'
import { type DataFlags, dataDirectoryFrom } from '../config/data-directory.ts'
import { many, say, sayJson, shownBytes, visible } from '../output.ts'
import { ProgressLine } from '../progress-line.ts'

export interface BackupFlags extends DataFlags {
  readonly json?: boolean
}

export async function backup(target: string, { json = false, ...flags }: BackupFlags): Promise<void> {
  const { path: from } = dataDirectoryFrom(flags, process.env, process.cwd())
  const to = resolve(target)
  const ending = new AbortController()
  const end = (): void => ending.abort(new ClientError('backup-ended', 'The backup was ended by a signal; nothing of it is left'))
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, end)
  const progress = new ProgressLine()
  const started = performance.now()
  try {
    const onProgress = ({ logs, documents, blobs, bytes }: BackupProgress): void =>
      progress.show(() => `${logs + documents + blobs} files, ${shownBytes(bytes)}`)
    const result = await backupDirectory({ from, to, signal: ending.signal, onProgress })
    progress.clear()
    const ms = Math.round(performance.now() - started)
    const { leftOut, damaged, damagedFiles, ...copied } = result
    if (damagedFiles > 0) {
      process.exitCode = 1
      warn(damaged, damagedFiles)
    }
    if (leftOut.length > 0)
      console.error(`beamclaw: not in the backup, as symbolic links or files of others: ${leftOut.map(visible).join(', ')}`)
    if (json) return sayJson({ from, to, ...copied, ms, leftOut, damagedFiles, damaged })
    const { logs, documents, blobs, bytes } = copied
    say(
      `${to}: ${many(logs, 'log')}, ${many(documents, 'document')}, ${many(blobs, 'attachment')}, ${shownBytes(bytes)} in ${(ms / 1_000).toFixed(1)} s`,
    )
  } finally {
    progress.clear()
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.off(signal, end)
  }
}

/** The backup is there. It ends with 1 all the same, so that a script does not delete the older one, which may have what is damaged here. */
function warn(damaged: readonly BackupDamage[], count: number): void {
  for (const { file, lines } of damaged)
    console.error(`beamclaw: ${visible(file)}: damaged${file.endsWith('.json') ? '' : `, ${many(lines, 'line')}`}`)
  const these = count === 1 ? 'That file was damaged before, and is' : `These ${count} files were damaged before, and are`
  const all = damaged.length < count ? ` (the first ${damaged.length} are named)` : ''
  console.error(`beamclaw: ${these} in the backup as it is${all}. Keep an older backup; beamclaw doctor says more (log-corrupt)`)
}
