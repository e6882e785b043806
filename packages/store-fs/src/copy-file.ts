/** Copies an open file, durably and in bounded memory. */
import { removeIfThere, writeFully } from './atomic-write.ts'
import { readAt } from './backward-scan.ts'
import type { FileSystem } from './file-system.ts'

const chunkBytes = 256 * 1024

/** What is copied. */
export interface CopySource {
  readonly descriptor: number
  /** Bytes to copy; fewer are copied when the file is shorter by then. */
  readonly size: number
  /** True to cut the copy after its last newline. */
  readonly isCutAtLine: boolean
  /** True to keep a copy without bytes; otherwise it leaves no file. @default false */
  readonly keepsEmpty?: boolean
  /** Called after each chunk; throws to stop. */
  readonly onChunk?: () => void
}

/** Copies into a new file, which is synced when the promise resolves. Resolves with the bytes that it has. */
export async function copyFile(
  fileSystem: FileSystem,
  { descriptor, size, isCutAtLine, keepsEmpty = false, onChunk }: CopySource,
  to: string,
): Promise<number> {
  const target = await fileSystem.open(to, 'wx')
  let position = 0
  let end = 0
  try {
    while (position < size) {
      const bytes = await readAt(fileSystem, descriptor, position, Math.min(chunkBytes, size - position))
      if (bytes.length === 0) break
      await writeFully(fileSystem, target, bytes, position)
      const newline = bytes.lastIndexOf(0x0a)
      if (newline >= 0) end = position + newline + 1
      position += bytes.length
      onChunk?.()
    }
    if (!isCutAtLine) end = position
    if (end < position) await fileSystem.truncate(target, end, () => target)
    await fileSystem.sync(target)
  } finally {
    await fileSystem.close(target)
  }
  if (end === 0 && !keepsEmpty) await removeIfThere(fileSystem, to)
  return end
}
