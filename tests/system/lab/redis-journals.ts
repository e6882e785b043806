/** Reads sessions' journals from a Redis with none of the store's own code. */
import type { JournalRecord } from './journal-files.ts'
import type { LabRedis } from './redis-server.ts'

const before = 'beamclaw:{default/sessions/'

interface Element {
  readonly s: number
  readonly t: string
  /** The name of its writer and its number. */
  readonly i: string
  readonly d: JournalRecord['data']
}

/** The keys of the sessions that have a journal, in order. */
export async function sessionsInRedis(redis: LabRedis): Promise<readonly string[]> {
  const names = (await redis.send('KEYS', `${before}*}:m`)) as readonly string[]
  return names.map((name) => `agent:${name.slice(before.length, -'}:m'.length).replace('/', ':')}`).sort()
}

/** Every record of a session. A writer is one generation: that the records of one do not go on after those of the next is for the checker to say. */
export async function journalInRedis(redis: LabRedis, session: string): Promise<readonly JournalRecord[]> {
  const key = `${before}${session.replace('agent:', '').replace(':', '/')}}`
  return redis.run(async (send) => {
    for (;;) {
      const name = `${key}:j:${String(await send('HGET', `${key}:m`, 't'))}`
      const elements = (await send('LRANGE', name, '0', '-1')) as readonly string[]
      // An owner that opens the journal gives its list another name.
      if (elements.length > 0) return recordsIn(elements.slice(1))
      if ((await send('EXISTS', `${key}:m`)) === 0) return []
    }
  })
}

function recordsIn(elements: readonly string[]): readonly JournalRecord[] {
  const generations = new Map<string, number>()
  return elements.map((text) => {
    const { s, t, i, d } = JSON.parse(text) as Element
    const [writer = ''] = i.split('.')
    if (!generations.has(writer)) generations.set(writer, generations.size + 1)
    return { seq: s, generation: generations.get(writer) as number, type: t, data: d }
  })
}
