import type { QueueMode } from '@beamclaw/core'
import { seededRandom } from '@beamclaw/testkit'
import { describe, expect, test } from 'vitest'
import type { AgentProcess } from './lab/agent.ts'
import { Drill } from './lab/drill.ts'
import { faultRecordTypes } from './lab/fault-point.ts'
import { sessionsIn } from './lab/journal-files.ts'
import { isAtRest, journalUntil, recordsOf } from './lab/journals.ts'

const times = Number(process.env.FAULT_TIMES ?? 10)
const seed = Number(process.env.FAULT_SEED ?? Date.now() % 1_000_000)

/** Rounds that share their sessions: enough that some journals are compacted. */
const roundsPerSessions = 24

const words = ['hello', 'charge', 'lookup']

const modes = ['queue', 'queue', 'steer', 'collect', 'interrupt'] as const satisfies readonly QueueMode[]

interface Asked {
  readonly session: string
  readonly text: string
  readonly key: string
  readonly queueMode: QueueMode
}

describe(`F09: ${times} kill -9 under load, seed ${seed}`, () => {
  test('every accepted message has one run, every run one end, no tool ran twice, nobody was told what is not so', {
    timeout: 60_000 + times * 5_000,
  }, async () => {
    const random = seededRandom(seed)
    const below = (limit: number): number => Math.floor(random.next() * limit)
    await using drill = await Drill.begin()
    const asked: Asked[] = []

    /** New messages, and some that were sent before: their senders do not know whether they arrived. */
    const load = (agent: AgentProcess, round: number): Promise<unknown>[] =>
      Array.from({ length: 8 }, (_, index) => {
        const again = asked.length > 0 && below(4) === 0 ? asked[below(asked.length)] : undefined
        const session = `agent:main:s${Math.floor(round / roundsPerSessions)}-${below(4)}`
        const key = `r${round}-${index}`
        const message = again ?? {
          session,
          text: `${words[below(words.length)]} ${key}`,
          key,
          queueMode: modes[below(modes.length)] ?? 'queue',
        }
        if (again === undefined) asked.push(message)
        if (below(8) === 0) agent.abort(message.session, message.key)
        return agent.ask(message.text, message)
      })

    for (let round = 0; round < times; round++) {
      const type = faultRecordTypes[below(faultRecordTypes.length)]
      const isFromWithin = below(2) === 0
      const agent = drill.launch(isFromWithin ? { BEAMCLAW_FAULT: `${below(2) === 0 ? 'before' : 'after'}:${type}:${1 + below(6)}` } : {})
      const answers = load(agent, round)
      const enough = below(60)
      // It may have died, or have answered everything, before it said so much.
      const settled = Promise.allSettled(answers)
      await Promise.race([settled, agent.line(() => !isFromWithin && agent.lines.length >= enough).catch(() => {})])
      await agent.kill()
      await settled
    }

    const last = await drill.start()
    await last.line(({ resumed }) => resumed !== undefined)
    // What was acknowledged is done by itself. What was not may wait until its sender, who cannot know, sends it again.
    const acknowledged = new Set<string>(drill.agents.flatMap(({ lines }) => lines.flatMap(({ receipt }) => receipt?.runId ?? [])))
    for (const session of sessionsIn(drill.data)) {
      await journalUntil(drill.data, session, (records) => isAtRest(records, (runId) => acknowledged.has(runId)))
    }
    for (const message of asked.filter(({ key }) => !acknowledged.has(key)).concat(asked.slice(-10))) {
      const { result, refused } = await last.ask(message.text, message)
      expect(result?.text ?? refused?.code).toMatch(/^heard: |^poison-message$|^run-aborted$/)
    }
    await last.kill()

    expect(sessionsIn(drill.data).flatMap((session) => drill.problems(session))).toEqual([])
    const records = sessionsIn(drill.data).flatMap((session) => drill.journal(session))
    expect(recordsOf(records, 'run-resume').length).toBeGreaterThan(0)
    console.log(
      `F09: ${times} kills, ${recordsOf(records, 'message-in').length} messages, ${acknowledged.size} acknowledged, ${recordsOf(records, 'run-resume').length} resumed, ${records.length} records`,
    )
  })
})
