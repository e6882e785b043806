/** The own file of a log at rest: its names, and the generation that each begins with. */

import { isAbsent } from './atomic-write.ts'
import { readAt } from './backward-scan.ts'
import type { FileSystem } from './file-system.ts'
import { encodeOtherLine, isIntact, lineEnd } from './wal-line.ts'

/** What of an own file counts. */
export interface OwnFile {
  /** 0 when there is no file. */
  readonly generation: number
  /** Bytes that are durable and belong to the log; what lies behind them does not count. */
  readonly bytes: number
  /** Seq of the last record in them; 0 for none. */
  readonly lastSeq: number
}

/** An own file that is open for reading. */
export interface OpenOwnFile {
  readonly file: string
  readonly generation: number
  readonly descriptor: number
  readonly size: number
}

export const noOwnFile: OwnFile = { generation: 0, bytes: 0, lastSeq: 0 }

const endings = ['.log.jsonl', '.g2.log.jsonl'] as const
const headerStart = '{"log":'
const longestHeader = 32 * 1024

/** Returns the name of a generation. Odd and even ones take turns, so that looking for a log is looking for two names. */
export function ownFileName(path: string, generation: number): string {
  return `${path}${generation % 2 === 1 ? endings[0] : endings[1]}`
}

/** Returns both names that an own file may have. */
export function ownFileNames(path: string): readonly string[] {
  return endings.map((ending) => `${path}${ending}`)
}

/** Returns the component of the key that an own file is named for, or undefined for another name. */
export function ownFileComponent(name: string): string | undefined {
  if (name.endsWith(endings[1])) return name.slice(0, -endings[1].length)
  return name.endsWith(endings[0]) ? name.slice(0, -endings[0].length) : undefined
}

/** Returns the first line of a file that was rewritten. Only a whole file gets its name, so this line is always there. */
export function encodeOwnHeader(generation: number, key: readonly string[]): Buffer {
  return Buffer.from(encodeOtherLine({ log: generation, k: key }))
}

/** Opens the own file of a log; of two, the one with the higher generation. Undefined when there is none. The caller closes it. */
export async function openOwnFile(fileSystem: FileSystem, path: string): Promise<OpenOwnFile | undefined> {
  const opened = await Promise.allSettled(ownFileNames(path).map((file, index) => openGeneration(fileSystem, file, index + 1)))
  const found = opened.flatMap((result) => (result.status === 'fulfilled' && result.value !== undefined ? [result.value] : []))
  const failed = opened.find((result) => result.status === 'rejected')
  const best = failed === undefined ? found.sort((a, b) => b.generation - a.generation)[0] : undefined
  for (const file of found) if (file !== best) await fileSystem.close(file.descriptor)
  if (failed !== undefined) throw failed.reason
  return best
}

/** Resolves with undefined for a file that is not there. A header that is damaged says nothing, and the name says whether the generation is odd: then it is `lowest`. */
async function openGeneration(fileSystem: FileSystem, file: string, lowest: number): Promise<OpenOwnFile | undefined> {
  let descriptor: number
  try {
    descriptor = await fileSystem.open(file, 'r')
  } catch (error) {
    if (isAbsent(error)) return undefined
    throw error
  }
  try {
    const size = await fileSystem.size(descriptor)
    return { file, descriptor, size, generation: await generationOf(fileSystem, descriptor, size, lowest) }
  } catch (error) {
    await fileSystem.close(descriptor)
    throw error
  }
}

/** Returns true for the header of a file: an intact line at its beginning. Anywhere else, an intact line without a head was written by a later version. */
export function isOwnHeader(bytes: Buffer, start: number, end: number, offset: number): boolean {
  return offset === 0 && bytes.toString('latin1', start, start + headerStart.length) === headerStart && isIntact(bytes, start, end)
}

/** Returns where the lines of the log begin in a file that starts with `bytes`. */
export function headerLength(bytes: Buffer): number {
  if (bytes.toString('latin1', 0, headerStart.length) !== headerStart) return 0
  return lineEnd(bytes, 0) + 1
}

async function generationOf(fileSystem: FileSystem, descriptor: number, size: number, lowest: number): Promise<number> {
  const bytes = await readAt(fileSystem, descriptor, 0, Math.min(size, longestHeader))
  const length = headerLength(bytes)
  if (length === 0 || !isIntact(bytes, 0, length - 1)) return lowest
  return (JSON.parse(bytes.toString('utf8', 0, length)) as { readonly log: number }).log
}
