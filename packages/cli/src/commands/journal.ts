/** `beamclaw journal`: prints what is on disk of a session, record by record, also beside a running gateway. */
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { defaultTenant, parseSessionKey, parseTenantId, type StoreKey } from '@beamclaw/core'
import { type LogLine, readLogBeside } from '@beamclaw/store-fs'
import { ClientError } from '../client/client-error.ts'
import { type DataFlags, dataDirectoryFrom } from '../config/data-directory.ts'
import { coloured, shownBytes, shownTime, visible, visibleJson } from '../output.ts'
import { count } from './arguments.ts'
import { describeRecord } from './journal/describe-record.ts'

export interface JournalFlags extends DataFlags {
  readonly agent?: string
  readonly tenant?: string
  readonly from?: string
  readonly limit?: string
  readonly json?: boolean
}

const most = 9_999_999_999

/** Characters of the telling part of a record that are shown where the output has no width. */
const mostShown = 160

export async function journal(session: string, flags: JournalFlags): Promise<void> {
  const { path, agent: first } = dataDirectoryFrom(flags, process.env, process.cwd())
  const fromSeq = flags.from === undefined ? 1 : count('--from', flags.from, most)
  const limit = flags.limit === undefined ? Number.POSITIVE_INFINITY : count('--limit', flags.limit, most)
  const name = /^agent:/i.test(session) ? session : `agent:${flags.agent ?? first}:${session}`
  const [, agentId = '', ...rest] = parseSessionKey(name).split(':')
  const tenant = flags.tenant === undefined ? defaultTenant : parseTenantId(flags.tenant)
  const key: StoreKey = [tenant, 'sessions', agentId, rest.join(':')]
  let [shown, bad] = [0, 0]
  for await (const line of readLogBeside({ path, key, fromSeq })) {
    if (shown >= limit) break
    shown += 1
    if (line.kind === 'damaged' || line.kind === 'missing') bad += 1
    const text = flags.json === true ? visibleJson(line.kind === 'record' ? { kind: 'record', ...line.record } : line) : shownLine(line)
    if (!process.stdout.write(`${text}\n`)) await once(process.stdout, 'drain')
  }
  if (bad > 0) throw new ClientError('log-corrupt', `${bad} of the lines above cannot be read; the rest is as it was written`)
  if (shown > 0) return
  if (fromSeq > 1) return void console.error(`beamclaw: ${name} has no records from ${fromSeq} on`)
  throw noSession(name, path)
}

/** Returns the code that `backup` and `doctor --repair` have for what is no data directory. */
function noSession(name: string, path: string): ClientError {
  if (!existsSync(join(path, 'wal')))
    return new ClientError(
      'invalid-option',
      `${path} is no data directory: it has no write-ahead log. Name it with --data-dir, or the configuration that does with --config`,
    )
  const advice = 'beamclaw sessions lists those there are, and --agent and --tenant say whose it is'
  return new ClientError('unknown-session', `There is no session ${name} in ${path}; ${advice}`)
}

function shownLine(line: LogLine): string {
  if (line.kind === 'record') {
    const { seq, ts, type, data } = line.record
    const start = `${String(seq).padStart(6)}  ${shownTime(ts)}  `
    const name = visible(type).padEnd(16)
    return `${coloured('dim', start)}${coloured(colourOf(type), name)}  ${shortened(describeRecord(type, data), start.length + name.length + 2)}`.trimEnd()
  }
  if (line.kind === 'snapshot') {
    const dropped = line.isDrop ? ', the records before it are dropped' : ''
    return coloured('dim', `${String(line.seq).padStart(6)}  snapshot up to here, ${shownBytes(line.bytes)}${dropped}`)
  }
  if (line.kind === 'missing') return coloured('red', `        records ${line.firstSeq} to ${line.lastSeq} are missing`)
  const place = line.line === undefined ? `${line.file} at byte ${line.offset}` : `${line.file} line ${line.line}`
  return coloured('red', `        ${visible(place)}: cannot be read`)
}

function colourOf(type: string): 'red' | 'cyan' | 'green' | 'yellow' | 'reset' {
  if (type === 'model-failure') return 'red'
  if (type === 'message-in') return 'green'
  if (type.startsWith('model-')) return 'cyan'
  return type.startsWith('tool-') ? 'yellow' : 'reset'
}

/** The width counts characters, so that one line of the journal is about one line of the terminal. */
function shortened(text: string, before: number): string {
  const width = Math.max(20, (process.stdout.columns ?? mostShown + before) - before)
  // What is cut off is not made visible first: a message may be of many megabytes.
  const characters = Array.from(visible(text.slice(0, width * 2).toWellFormed()))
  return characters.length <= width && text.length <= width * 2 ? characters.join('') : `${characters.slice(0, width - 1).join('')}…`
}
