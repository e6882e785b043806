/** Data directories that workers have split: what was in them is in their shards. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { BeamClawError } from '@beamclaw/core'

/** What only a directory that was split has; the second is there before the first, which a split that was interrupted may not have written. */
const markers = ['shards.json', join('shards', '.split.json')] as const

/** Throws `invalid-option` for a directory that workers have split: a store would find nothing in it, and begin anew beside what is there. */
export function checkUndivided(path: string): void {
  if (!markers.some((name) => existsSync(join(path, name)))) return
  const advice = 'Start it with --workers 1 or more, or name another directory'
  throw new BeamClawError('invalid-option', `FsStore: "path" is a directory that workers have split into shards (${path}). ${advice}`)
}
