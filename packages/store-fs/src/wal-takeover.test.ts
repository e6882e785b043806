import { mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { nodeFileSystem } from './file-system.ts'
import { scratchDirectory } from './testing/scratch.ts'
import { encodeOtherLine } from './wal-line.ts'
import { segmentPath } from './wal-segments.ts'
import { chainOf } from './wal-takeover.ts'

/** Two segments, the second of which says that 500 bytes of the first count. */
async function segments(path: string, first: string | undefined): Promise<string> {
  const directory = join(path, 'wal')
  await mkdir(directory)
  if (first !== undefined) await writeFile(segmentPath(directory, 1), first)
  await writeFile(segmentPath(directory, 2), encodeOtherLine({ wal: 1, number: 2, previous: 1, bytes: 500 }))
  return directory
}

test('a segment that its owner removed after it was listed is no damage: what is there is listed again', async () => {
  await using scratch = await scratchDirectory('memory')
  const directory = await segments(scratch.path, undefined)
  await expect(chainOf(nodeFileSystem, directory, [1, 2])).rejects.toMatchObject({ code: 'ENOENT' })
  expect(await chainOf(nodeFileSystem, directory, [2])).toEqual([{ number: 2, length: undefined }])
})

test.each(['', '\0'.repeat(500), 'no line\n'.repeat(70)])(
  'a segment that is there, and none of whose lines can be read, is damaged: %j',
  async (text) => {
    await using scratch = await scratchDirectory('memory')
    const directory = await segments(scratch.path, text)
    await expect(chainOf(nodeFileSystem, directory, [1, 2])).rejects.toMatchObject({ code: 'log-corrupt' })
    await rm(directory, { recursive: true })
  },
)
