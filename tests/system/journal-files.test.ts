/** A reader that accepts everything proves nothing: this one refuses what it should, and counts what counts. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { crc32 } from 'node:zlib'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { journalPath, readJournal, sessionsIn } from './lab/journal-files.ts'

let data: string

beforeEach(() => {
  data = mkdtempSync(join(tmpdir(), 'beamclaw-reader-'))
})

afterEach(() => {
  rmSync(data, { recursive: true, force: true })
})

function sealed(value: object): string {
  const body = JSON.stringify(value).slice(0, -1)
  return `${body},"c":"${crc32(body).toString(16).padStart(8, '0')}"}\n`
}

const k = ['default', 'sessions', 'main', 'first']
const record = (s: number, more: object = {}): string => sealed({ s, k, ...more, t: 'extension', d: { runId: 'one' } })
const other = sealed({ s: 1, k: [...k.slice(0, 3), 'second'], t: 'extension', d: { runId: 'two' } })
const deleted = sealed({ s: 2, k, deleted: true })
const drop = (s: number): string => sealed({ s, k, dropped: true, snapshot: {} })

function write(file: string, ...lines: readonly string[]): void {
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, lines.join(''))
}

function own(...lines: readonly string[]): void {
  write(journalPath(data), ...lines)
}

function log(number: number, previous: number, bytes: number, ...lines: readonly string[]): void {
  write(join(data, `wal/${String(number).padStart(8, '0')}.jsonl`), sealed({ wal: 1, number, previous, bytes }), ...lines)
}

const seqs = (): readonly number[] => readJournal(data).map(({ seq }) => seq)
const headerBytes = sealed({ wal: 1, number: 1, previous: 0, bytes: 0 }).length

describe('the reader of journals', () => {
  test.each<[string, () => unknown, readonly number[]]>([
    ['an own file', () => own(record(1), record(2)), [1, 2]],
    ['the write-ahead log, and no other session in it', () => log(1, 0, 0, record(1), other, record(2)), [1, 2]],
    ['an own file and what follows it', () => [own(record(1)), log(1, 0, 0, record(2))], [1, 2]],
    ['lines once that are moved and not gone yet', () => [own(record(1), record(2)), log(1, 0, 0, record(2), record(3))], [1, 2, 3]],
    ['no torn line at the end of the log', () => log(1, 0, 0, record(1), record(2).slice(0, -9)), [1]],
    ['no torn line of a move', () => [own(record(1), record(2).slice(0, -9)), log(1, 0, 0, record(2))], [1, 2]],
    [
      'nothing behind the bytes of a segment that count',
      () => [log(1, 0, 0, record(1), record(2)), log(2, 1, headerBytes + record(1).length)],
      [1],
    ],
    ['nothing of a log that was deleted', () => [own(record(1), record(2)), log(1, 0, 0, deleted)], []],
    ['what came after a deletion', () => [own(record(1), record(2)), log(1, 0, 0, deleted, record(1))], [1]],
    ['nothing that a snapshot dropped', () => log(1, 0, 0, record(1), record(2), drop(1), record(3)), [2, 3]],
  ])('counts %s', (_what, arrange, expected) => {
    arrange()
    expect(seqs()).toEqual(expected)
  })

  test.each<[string, () => unknown]>([
    ['a changed line', () => own(record(1).replace('one', 'two'), record(2))],
    ['a changed line of another session', () => log(1, 0, 0, record(1), other.replace('two', 'one'), record(2))],
    ['a missing line', () => own(record(1), record(3))],
    ['a line twice', () => own(record(1), record(1))],
    ['a hole between an own file and the log', () => [own(record(1)), log(1, 0, 0, record(3))]],
    ['an own file that has more than the log', () => [own(record(1), record(2), record(3)), log(1, 0, 0, record(2))]],
    ['an own file that has something else than the log', () => [own(record(1), record(2, { e: 7 })), log(1, 0, 0, record(2))]],
    ['an own file that is torn, where the log has nothing more', () => own(record(1), record(2).slice(0, -9))],
    ['an own file of another session', () => own(other)],
    ['a segment that is too short', () => [log(1, 0, 0), log(2, 1, headerBytes + 1)]],
    ['a missing segment between two others', () => [log(1, 0, 0, record(1)), log(3, 2, headerBytes, record(2))]],
    ['a segment without its header', () => write(join(data, 'wal/00000001.jsonl'), record(1))],
  ])('refuses %s', (_what, arrange) => {
    arrange()
    expect(seqs).toThrow()
  })

  test('knows the sessions that are there, wherever they are', () => {
    own(record(1), record(2))
    log(1, 0, 0, other)
    expect(sessionsIn(data)).toEqual(['first', 'second'])
    log(1, 0, 0, deleted, other)
    expect(sessionsIn(data)).toEqual(['second'])
  })
})
