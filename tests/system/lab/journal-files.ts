/** Reads sessions' journals from the disk with none of the store's own code. */
import { existsSync, globSync, readFileSync, statSync } from 'node:fs'
import { basename, join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { crc32 } from 'node:zlib'

/** A record of a journal. */
export interface JournalRecord {
  readonly seq: number
  /** The epoch of the owner that wrote it. */
  readonly generation: number
  readonly type: string
  readonly data: {
    readonly runId: string
    readonly message?: { readonly content: string | readonly { readonly text?: string }[] }
    readonly merged?: readonly string[]
    readonly from?: string
    readonly name?: string
    readonly toolCallId?: string
    readonly turn?: number
    readonly attempt?: number
    readonly outcome?: string
    readonly retryAfterMs?: number
    readonly failure?: { readonly code: string; readonly message: string }
    readonly result?: { readonly toolCallId: string; readonly content: string; readonly isError: boolean }
  }
}

/** A line of a log, in the write-ahead log or in an own file. */
interface LogLine {
  readonly s: number
  readonly k: readonly string[]
  readonly e?: number
  readonly t?: string
  readonly d?: JournalRecord['data']
  readonly snapshot?: unknown
  readonly dropped?: true
  readonly deleted?: true
}

interface Line {
  readonly text: string
  readonly where: string
  readonly value: LogLine
}

interface OwnFile {
  readonly file: string
  readonly lines: readonly Line[]
  /** True when it ends in the middle of a line. */
  readonly isTorn: boolean
}

interface SegmentHeader {
  readonly wal: number
  readonly number: number
  readonly previous: number
  readonly bytes: number
}

const mostAttempts = 50
const newline = 0x0a
const endings = ['.log.jsonl', '.g2.log.jsonl']

/** Returns the path of the own file of a session, in its first generation. */
export function journalPath(data: string, session = 'first'): string {
  return `${ownPath(data, session)}${endings[0]}`
}

/** Returns the segments of the write-ahead log, oldest first. */
export function segmentPaths(data: string): readonly string[] {
  const names = globSync('*.jsonl', { cwd: join(data, 'wal') })
  return names.sort((a, b) => Number.parseInt(a, 10) - Number.parseInt(b, 10)).map((name) => join(data, 'wal', name))
}

/** The names of the sessions that have a journal. */
export function sessionsIn(data: string): readonly string[] {
  return steadily(data, () => new JournalFiles(data).sessions())
}

/**
 * Every record that counts: those of the session's own file, and those of the write-ahead log with its key, each seq once. Throws for a line that is not
 * what was written or not where it belongs, except at the very end, where a crash may cut.
 */
export function readJournal(data: string, session = 'first'): JournalRecord[] {
  return steadily(data, () => new JournalFiles(data).journal(session))
}

/** All journals of a data directory; the write-ahead log as it was when this was made. */
export class JournalFiles {
  readonly #data: string
  readonly #wal = new Map<string, Line[]>()

  constructor(data: string) {
    this.#data = data
    for (const line of linesOfWal(data)) {
      const session = sessionOf(line.value.k)
      if (session === undefined) continue
      const lines = this.#wal.get(session)
      if (lines === undefined) this.#wal.set(session, [line])
      else lines.push(line)
    }
  }

  sessions(): readonly string[] {
    const own = globSync('*.log.jsonl', { cwd: ownPath(this.#data, '') }).map((name) => name.replace(/(?:\.g2)?\.log\.jsonl$/, ''))
    const isThere = (session: string): boolean => this.#wal.get(session)?.at(-1)?.value.deleted !== true
    return [...new Set([...own, ...this.#wal.keys()])].filter(isThere).sort()
  }

  /** Changes whenever something was written to the journal. */
  mark(session: string): string {
    const own = ownFiles(this.#data, session).map((file) => `${statSync(file).ino}:${statSync(file).size}`)
    return [...own, ...(this.#wal.get(session) ?? []).slice(-1).map(({ text }) => text)].join(' ')
  }

  journal(session: string): JournalRecord[] {
    const wal = this.#wal.get(session) ?? []
    const end = wal.findLastIndex(({ value }) => value.deleted === true)
    // What was moved since a deletion is in the write-ahead log as long as the deletion is.
    if (end >= 0) return recordsIn(wal.slice(end + 1))
    const { file, lines, isTorn } = ownFileOf(this.#data, session)
    // Lines leave the write-ahead log when they are whole and durable in the own file.
    if (isTorn && wal.length === 0) throw new Error(`${file} is torn, and its end is nowhere else`)
    return recordsIn(wal.length === 0 ? lines : joined(lines, wal))
  }
}

/** Throws what `read` throws on a disk that stands still: a process may be moving lines meanwhile. */
function steadily<T>(data: string, read: () => T): T {
  for (let attempt = 1; ; attempt++) {
    const before = sizesIn(data)
    try {
      return read()
    } catch (error) {
      if (attempt === mostAttempts || isDeepStrictEqual(before, sizesIn(data))) throw error
    }
  }
}

function sizesIn(data: string): readonly string[] {
  const files = globSync(['wal/*.jsonl', 'default/sessions/main/*.log.jsonl'], { cwd: data }).sort()
  return files.map((file) => `${file} ${statSync(join(data, file), { throwIfNoEntry: false })?.size}`)
}

function ownPath(data: string, session: string): string {
  return join(data, 'default/sessions/main', session)
}

function ownFiles(data: string, session: string): readonly string[] {
  return endings.map((ending) => `${ownPath(data, session)}${ending}`).filter((file) => existsSync(file))
}

function sessionOf([tenant, kind, agent, name, ...more]: readonly string[]): string | undefined {
  return tenant === 'default' && kind === 'sessions' && agent === 'main' && more.length === 0 ? name : undefined
}

/** Lines of the write-ahead log are the end of a log: what its own file has of them too is the same, and is not more. */
function joined(own: readonly Line[], wal: readonly Line[]): readonly Line[] {
  const written = new Set(wal.map(({ text }) => text))
  const start = own.findIndex(({ text }) => written.has(text))
  const before = start < 0 ? own : own.slice(0, start)
  for (const { text, where } of own.slice(before.length))
    if (!written.has(text)) throw new Error(`${where} is neither before the write-ahead log nor in it`)
  return [...before, ...wal]
}

/** Records follow each other without holes. Those up to a snapshot that drops them do not count. */
function recordsIn(lines: readonly Line[]): JournalRecord[] {
  const dropped = lines.findLast(({ value }) => value.dropped === true)?.value.s ?? 0
  const records: JournalRecord[] = []
  let last = dropped
  let generation = 0
  for (const { where, value } of lines) {
    const { s: seq, e, t: type, d: data } = value
    if (e !== undefined) generation = e
    if ('snapshot' in value) {
      if (seq > last) throw new Error(`${where} is a snapshot of record ${seq}, and the last one is ${last}`)
    } else if (type === undefined || data === undefined) throw new Error(`${where} is of an unknown kind`)
    else if (seq > dropped) {
      if (seq !== last + 1) throw new Error(`${where} is record ${seq}, and the one before is ${last}`)
      records.push({ seq, generation, type, data })
      last = seq
    }
  }
  return records
}

/** The lines of the newest generation. */
function ownFileOf(data: string, session: string): OwnFile {
  const generations = ownFiles(data, session).map((file) => {
    const bytes = readFileSync(file)
    const lines = linesOf(file, bytes)
    for (const { where, value } of lines) if (sessionOf(value.k) !== session) throw new Error(`${where} is of ${value.k.join('/')}`)
    const { log } = (lines[0]?.value ?? {}) as { readonly log?: number }
    return { file, generation: log ?? 1, lines: log === undefined ? lines : lines.slice(1), isTorn: bytes.at(-1) !== newline }
  })
  return generations.sort((a, b) => b.generation - a.generation)[0] ?? { file: '', lines: [], isTorn: false }
}

/** The lines that count: the header of each segment says how much of the one before it does. */
function linesOfWal(data: string): readonly Line[] {
  const segments = segmentPaths(data).map((file) => ({ file, number: Number.parseInt(basename(file), 10), bytes: readFileSync(file) }))
  const lines: Line[] = []
  let next: SegmentHeader | undefined
  for (const { file, number, bytes } of segments.toReversed()) {
    // One that was claimed, and never begun.
    if (!bytes.includes(newline)) continue
    if (next !== undefined && number !== next.previous) {
      const { previous } = next
      // One that its writer gave up.
      if (segments.some((one) => one.number === previous)) continue
      throw new Error(`${file} is there, and segment ${previous} after it is not`)
    }
    if (next !== undefined && bytes.length < next.bytes) throw new Error(`${file} is shorter than the ${next.bytes} bytes that count`)
    const [header, ...rest] = linesOf(file, next === undefined ? bytes : bytes.subarray(0, next.bytes))
    next = header?.value as unknown as SegmentHeader
    if (next?.wal !== 1) throw new Error(`${file} has no header`)
    lines.unshift(...rest)
  }
  return lines
}

/** The whole lines. Throws when one does not match its checksum. */
function linesOf(file: string, bytes: Buffer): readonly Line[] {
  const texts = bytes
    .subarray(0, bytes.lastIndexOf(newline) + 1)
    .toString('utf8')
    .split('\n')
    .slice(0, -1)
  return texts.map((text, index) => {
    const where = `${file}, line ${index + 1},`
    const [, body = '', checksum] = /^(.*),"c":"([0-9a-f]{8})"\}$/s.exec(text) ?? []
    if (crc32(body).toString(16).padStart(8, '0') !== checksum) throw new Error(`${where} is not what was written`)
    return { text, where, value: JSON.parse(text) as LogLine }
  })
}
