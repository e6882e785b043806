import { flushEventLoop } from '@beamclaw/actor/testing'
import { expect, test } from 'vitest'
import { tableStage } from './testing/table-stage.ts'

test('a listener is told of each change of a process, once, with its tenant, until it is taken away; one that throws changes nothing', async () => {
  const staged = await tableStage()
  const told: string[] = []
  staged.table.onChange(() => {
    throw new Error('the fault of a listener')
  })
  const stop = staged.table.onChange(({ status, isBackground }, tenant) =>
    told.push(`${tenant} ${status}${isBackground ? '' : ' in front'}`),
  )
  const { shown, process } = await staged.begin({ isBackground: false, notify: false })
  process.print('output is no change')
  await staged.processes.sendToBackground(shown.id)
  await staged.processes.sendToBackground(shown.id)
  process.exit(0)
  await flushEventLoop()
  expect(told).toEqual(['default running in front', 'default running', 'default exited'])
  stop()
  await staged.processes.kill((await staged.begin()).shown.id)
  expect(told).toHaveLength(3)
  await staged.claw.stop()
})

test('a crash is told as a loss by the next process', async () => {
  const staged = await tableStage()
  const told: string[] = []
  await staged.begin()
  staged.table.onChange(({ status }) => told.push(status))
  await staged.restart()
  expect(told).toEqual(['lost'])
  await staged.claw.stop()
})
