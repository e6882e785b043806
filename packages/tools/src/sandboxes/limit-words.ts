/** The words that `prlimit` takes for the limits of a command; it sets them and becomes the command. */
import type { CommandLimits } from '@beamclaw/core'

/** Returns the words in front of the command; none without a limit. `--data` rather than `--as`: runtimes reserve far more addresses than they use. */
export function limitWords(prlimit: string | undefined, limits: CommandLimits = {}): readonly string[] {
  const { cpuSeconds, memoryBytes, processes, fileBytes, openFiles } = limits
  const words = [
    ...(cpuSeconds === undefined ? [] : [`--cpu=${cpuSeconds}:${cpuSeconds + 1}`]),
    ...(memoryBytes === undefined ? [] : [`--data=${memoryBytes}`]),
    ...(processes === undefined ? [] : [`--nproc=${processes}`]),
    ...(fileBytes === undefined ? [] : [`--fsize=${fileBytes}`]),
    ...(openFiles === undefined ? [] : [`--nofile=${openFiles}`]),
  ]
  return prlimit === undefined || words.length === 0 ? [] : [prlimit, ...words, '--']
}

/** Returns the limits that hold: the kernel does not count the processes of root. */
export function enforcedLimits(prlimit: string | undefined): readonly (keyof CommandLimits)[] {
  if (prlimit === undefined) return []
  const isRoot = process.getuid?.() === 0
  return ['cpuSeconds', 'memoryBytes', ...(isRoot ? [] : (['processes'] as const)), 'fileBytes', 'openFiles']
}
