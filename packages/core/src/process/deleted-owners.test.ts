import { flushEventLoop } from '@beamclaw/actor/testing'
import { expect, test } from 'vitest'
import { key, ownerOf, tableStage } from './testing/table-stage.ts'

test('of a deleted session all processes are ended, detached ones too, and those of other sessions are not', async () => {
  const { begin, claw, processes, notices, prepare } = await tableStage()
  for (const name of [key, 'agent:main:b']) await claw.session(name).send('hello').result()
  const own = [await begin(), await begin({ isDetached: true })]
  const other = await begin({}, 'agent:main:b')
  await claw.session(key).delete()
  await flushEventLoop()
  expect(own.map(({ process }) => process.isRunning)).toEqual([false, false])
  expect(own.map(({ shown }) => processes.get(shown.id).status)).toEqual(['killed', 'killed'])
  expect(other.process.isRunning).toBe(true)
  expect(await notices()).toEqual([])
  // Under the same key another session begins, and is watched anew.
  await claw.session(key).send('hello').result()
  const next = await begin()
  await claw.session(key).delete()
  await flushEventLoop()
  expect(next.process.isRunning).toBe(false)
  await processes.start(await prepare('sleep', '9'), ownerOf())
  await claw.stop()
})
