import { expect, test } from 'vitest'
import { Drill, messagesOf } from './lab/drill.ts'
import { recordsOf, runsEnded } from './lab/journals.ts'

const sessions = Array.from({ length: 10 }, (_, index) => `session-${index}`)
const perSession = 6

/** Six messages for each session: one to run, five to wait behind it. */
const messages = sessions.flatMap((session) =>
  Array.from({ length: perSession }, (_, index) => ({ session, text: `${session} message ${index}` })),
)

function keyOf(text: string): string {
  return text.replaceAll(' ', '-')
}

test('kill -9 with a run under way and five acknowledged messages waiting in each of ten sessions: the restart runs 50 of 50, each once', async () => {
  // The model sends no answer until the first process is dead.
  let isHeld = true
  await using drill = await Drill.begin((request) => {
    const said = String(messagesOf(request).at(-1)?.content)
    return { text: `heard ${said}`, ...(isHeld ? { delivery: { stall: 'body' } } : {}) }
  })
  const first = await drill.start()
  const sent = messages.map(({ session, text }) => first.send(text, { session: `agent:main:${session}`, key: keyOf(text) }))
  for (const id of sent) expect((await first.line((line) => line.id === id && line.receipt !== undefined)).receipt?.status).toBe('accepted')
  await drill.model.received(sessions.length)
  for (const session of sessions) expect((await first.inspect(`agent:main:${session}`)).waiting).toHaveLength(5)
  await first.kill()
  isHeld = false

  const second = await drill.start()
  for (const session of sessions) await runsEnded(drill.data, perSession, session)

  for (const session of sessions) {
    const records = drill.journal(session)
    const keys = messages.filter((message) => message.session === session).map(({ text }) => keyOf(text))
    // In the order in which they were sent, each once, none failed.
    expect(recordsOf(records, 'run-start').map(({ data }) => data.runId)).toEqual(keys)
    expect(recordsOf(records, 'run-end').map(({ data }) => [data.runId, data.outcome])).toEqual(keys.map((key) => [key, 'completed']))
    // The one that was under way was taken up again: one run, asked twice.
    expect(recordsOf(records, 'run-resume').map(({ data }) => data.runId)).toEqual(keys.slice(0, 1))
    expect(drill.problems(session)).toEqual([])
  }
  // Ten requests died with the first process.
  expect(drill.model.requests).toHaveLength(sessions.length + messages.length)

  for (const { session, text } of messages) {
    const again = await second.ask(text, { session: `agent:main:${session}`, key: keyOf(text) })
    expect(again.result?.text).toBe(`heard ${text}`)
  }
  expect(drill.model.requests).toHaveLength(sessions.length + messages.length)
})
