import { flushEventLoop, gate } from '@beamclaw/actor/testing'
import { expect, onTestFinished, test } from 'vitest'
import { FunctionModel, stage } from '../testing/model.ts'
import { TroubledStore } from '../testing/troubled-store.ts'
import type { SessionHandle } from './session-handle.ts'

const key = 'agent:main:main'

test.each<[string, (session: SessionHandle) => Promise<unknown>, (answer: never) => unknown, unknown]>([
  ['an export', (session) => session.export(), ({ messages }: { messages: readonly unknown[] }) => messages.length, 2],
  ['a rewind that removes nothing', (session) => session.rewind(9), (kept) => kept, 2],
  ['a history', (session) => session.history(), ({ total }: { total: number }) => total, 2],
])('%s is answered only once what it tells of is durable', async (_, ask, read, expected) => {
  const store = new TroubledStore()
  const open = gate()
  const reached = gate()
  store.before = async (records) => {
    if (!records.some(({ type }) => type === 'run-end')) return
    reached.resolve()
    await open.promise
  }
  const { claw } = await stage(new FunctionModel(() => ({ text: 'fine' })), {}, { store })
  onTestFinished(() => void claw.kill())
  const session = claw.session(key)
  const run = session.send('hi')
  await reached.promise
  let answer: unknown
  const asked = ask(session).then((value) => {
    answer = value
  })
  await flushEventLoop()
  expect(answer).toBeUndefined()
  open.resolve()
  await asked
  expect(read(answer as never)).toBe(expected)
  expect((await run.result()).text).toBe('fine')
})
