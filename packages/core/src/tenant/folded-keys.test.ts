import { ManualClock } from '@beamclaw/actor/testing'
import { expect, test } from 'vitest'
import { sessionKeyOf } from '../base/session-key-parts.ts'
import { FunctionModel, stage } from '../testing/model.ts'

async function logged() {
  const records: unknown[] = []
  const logger = { log: (level: string, event: string, fields: unknown) => void records.push({ level, event, fields }) }
  const { claw } = await stage(
    new FunctionModel(() => ({ text: 'hello' })),
    {},
    { services: { clock: new ManualClock(), logger: logger as never } },
  )
  return { claw, records }
}

test('a session key that loses capitals is reported once, with what to do', async () => {
  const { claw, records } = await logged()
  for (let times = 0; times < 3; times++) claw.session('agent:main:user_Ab')
  expect(records).toEqual([
    {
      level: 'warn',
      event: 'session.key-folded',
      fields: { session: 'agent:main:user_ab', given: 'agent:main:user_Ab', advice: expect.stringContaining('sessionKeyOf') },
    },
  ])
  claw.tenant('default').session('agent:main:user_aB')
  expect(records).toHaveLength(2)
  await claw.stop()
})

test('names that lose nothing are not reported, and of any number of others a hundred', async () => {
  const { claw, records } = await logged()
  claw.session('AGENT:Main:user')
  claw.session(sessionKeyOf('main', 'user_Ab'))
  expect(records).toEqual([])
  for (let index = 0; index < 1_000; index++) claw.session(`agent:main:User${index}`)
  expect(records).toHaveLength(100)
  await claw.stop()
})
