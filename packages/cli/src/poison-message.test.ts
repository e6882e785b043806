import { describe, expect, test } from 'vitest'
import { Drill, toolModel } from './testing/drill.ts'
import { runsEnded } from './testing/journals.ts'

describe('F28: a message that takes the process down each time', () => {
  test('is given up after three more tries, and what waits behind it is done', async () => {
    const held = Promise.withResolvers<void>()
    await using drill = await Drill.begin(async (request) => {
      await held.promise
      return toolModel(request)
    })
    const first = await drill.start('before:model-response')
    first.send('hello', { key: 'poison' })
    const waiting = first.send('good morning', { key: 'behind' })
    await first.line(({ id, receipt }) => id === waiting && receipt !== undefined)
    held.resolve()
    expect(await first.ended).toBe('SIGKILL')
    for (let crash = 1; crash <= 3; crash++) expect(await drill.launch({ BEAMCLAW_FAULT: 'before:model-response' }).ended).toBe('SIGKILL')

    const last = await drill.start()
    await runsEnded(drill.data, 2)
    expect((await last.ask('hello', { key: 'poison' })).refused).toMatchObject({ code: 'poison-message' })
    expect((await last.inspect()).deadLetters).toEqual(['poison'])
    expect((await last.ask('good morning', { key: 'behind' })).result?.text).toBe('heard: good morning')
    // Four times for the poison, once for the other.
    expect(drill.model.requests).toHaveLength(5)
    expect(drill.problems()).toEqual([])
  })

  test('by an idempotent tool that crashes, is given up too', async () => {
    await using drill = await Drill.begin()
    const first = await drill.start()
    first.send('bomb one', { key: 'poison' })
    expect(await first.ended).toBe('SIGKILL')
    for (let crash = 1; crash <= 3; crash++) expect(await drill.launch().ended).toBe('SIGKILL')
    const last = await drill.start()
    await runsEnded(drill.data)
    expect((await last.ask('bomb one', { key: 'poison' })).refused).toMatchObject({ code: 'poison-message' })
  })

  test('is not one that was under way while the program was stopped and started four times', async () => {
    const held = Promise.withResolvers<void>()
    await using drill = await Drill.begin(async (request) => {
      await held.promise
      return toolModel(request)
    })
    const first = await drill.start()
    first.send('hello', { key: 'patient' })
    for (let restarts = 1; restarts <= 4; restarts++) {
      await drill.model.received(restarts)
      await drill.agents.at(-1)?.stop()
      if (restarts === 4) held.resolve()
      await drill.start()
    }
    await runsEnded(drill.data)
    expect((await drill.agents.at(-1)?.ask('hello', { key: 'patient' }))?.result?.text).toBe('heard: hello')
  })
})
