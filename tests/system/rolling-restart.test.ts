import { spawnSync } from 'node:child_process'
import { describe, expect, test } from 'vitest'
import type { AgentProcess } from './lab/agent.ts'
import { Drill, messagesOf } from './lab/drill.ts'
import { recordsOf, runsEnded } from './lab/journals.ts'

// Pids and mounts of its own, and no abstract socket: of another container on the volume only the lock file is seen.
const container = [
  ...['env', `NODE_OPTIONS=--import=data:text/javascript,Object.defineProperty(process,'platform',{value:'darwin'})`],
  ...['unshare', '--mount', '--pid', '--fork', '--mount-proc', '--kill-child'],
]
const hasContainers = spawnSync('unshare', [...container.slice(3), 'true']).status === 0
if (!hasContainers) console.log('skipped: a rolling restart needs `unshare --mount --pid`, which this machine does not allow')

const sessions = Array.from({ length: 5 }, (_, index) => `session-${index}`)

/** A volume on which one container follows another, while the model answers only when `go` was called. */
async function volume() {
  let isHeld = true
  const drill = await Drill.begin(
    (request) => {
      const said = String(messagesOf(request).at(-1)?.content)
      return { text: `heard ${said}`, ...(isHeld ? { delivery: { stall: 'body' } } : {}) }
    },
    { store: { lockLeaseMs: 2_000, lockWaitMs: 60_000 } },
  )
  const launch = (): AgentProcess => drill.launch({}, container)
  const go = (): void => {
    isHeld = false
  }
  return { drill, launch, go }
}

async function sendAll(agent: AgentProcess): Promise<void> {
  const ids = sessions.map((session) => agent.send(`hello ${session}`, { session: `agent:main:${session}`, key: session }))
  for (const id of ids) expect((await agent.line((line) => line.id === id && line.receipt !== undefined)).receipt?.status).toBe('accepted')
}

/** Each run was done once, no tool ran twice, and no run was given up. */
async function expectDoneOnce(drill: Drill, lives: number): Promise<void> {
  for (const session of sessions) {
    await runsEnded(drill.data, 1, session)
    const records = drill.journal(session)
    expect(recordsOf(records, 'run-end').map(({ data }) => [data.runId, data.outcome])).toEqual([[session, 'completed']])
    expect(recordsOf(records, 'run-resume').length).toBeLessThan(lives)
    expect(drill.problems(session)).toEqual([])
  }
}

describe.skipIf(!hasContainers)('containers on one volume, one after the other', () => {
  test('the next one waits while the one before it stops in good order, and goes on with its runs', async () => {
    const { drill, launch, go } = await volume()
    await using _ = drill
    const first = await launch().ready()
    await sendAll(first)
    await drill.model.received(sessions.length)
    const second = launch()
    // Long enough for a process that does not wait.
    await new Promise((resolve) => setTimeout(resolve, 3_000))
    expect(second.lines.find(({ ready }) => ready !== undefined)).toBeUndefined()
    go()
    await first.stop()
    await second.ready()
    await expectDoneOnce(drill, 2)
  })

  test('of two that wait, one takes over from one that was killed, once; the other one follows it', async () => {
    const { drill, launch, go } = await volume()
    await using _ = drill
    const first = await launch().ready()
    await sendAll(first)
    await drill.model.received(sessions.length)
    const waiting = [launch(), launch()]
    first.child.kill('SIGKILL')
    await first.ended
    await Promise.race(waiting.map((agent) => agent.ready()))
    const [second, third] = waiting.toSorted((a, b) => b.lines.length - a.lines.length)
    expect(third?.lines.find(({ ready }) => ready !== undefined)).toBeUndefined()
    go()
    second?.child.kill('SIGKILL')
    await second?.ended
    await third?.ready()
    await expectDoneOnce(drill, 3)
  })
})
