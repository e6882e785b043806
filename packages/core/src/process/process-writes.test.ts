import { expect, test } from 'vitest'
import { tableStage } from './testing/table-stage.ts'

test('a process gets no more than a mebibyte that it does not read', async () => {
  const { processes, begin, claw } = await tableStage()
  const { shown, process } = await begin()
  const gate = Promise.withResolvers<void>()
  const write = process.write.bind(process)
  process.write = async (data) => {
    await gate.promise
    await write(data)
  }
  const half = 'x'.repeat(512 * 1024)
  const waiting = [processes.write(shown.id, half), processes.write(shown.id, half)]
  for (const text of ['y', half]) {
    await expect(processes.write(shown.id, text)).rejects.toMatchObject({
      code: 'overloaded',
      message: expect.stringMatching(/does not read its input: 1048576 bytes wait for it.* Poll it/),
    })
  }
  gate.resolve()
  await Promise.all(waiting)
  await processes.write(shown.id, half + half)
  expect(process.input).toHaveLength(2 * 1024 * 1024)
  await claw.stop()
})
