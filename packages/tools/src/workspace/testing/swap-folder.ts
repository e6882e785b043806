/** A worker that exchanges a folder and a symbolic link under one name, over and over, until it is terminated. */
import { renameSync, rmSync, symlinkSync } from 'node:fs'
import { workerData } from 'node:worker_threads'

const { folder, target } = workerData as { readonly folder: string; readonly target: string }
const aside = `${folder}-aside`
for (;;) {
  attempt(() => renameSync(folder, aside))
  attempt(() => symlinkSync(target, folder))
  // Removes the link, or the folder that a writer has made meanwhile.
  attempt(() => rmSync(folder, { recursive: true, force: true }))
  attempt(() => renameSync(aside, folder))
}

/** The other side may have been faster. */
function attempt(step: () => void): void {
  try {
    step()
  } catch {}
}
