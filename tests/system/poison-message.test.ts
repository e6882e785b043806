import { describe, expect, test } from 'vitest'
import { Drill, messagesOf, toolModel } from './lab/drill.ts'
import { runsEnded } from './lab/journals.ts'

describe('F28: a message that takes the process down each time', () => {
  test('is given up after three more tries, and what waits behind it is done', async () => {
    const held = Promise.withResolvers<void>()
    await using drill = await Drill.begin(async (request) => {
      await held.promise
      return toolModel(request)
    })
    const first = await drill.start('before:tool-outcome')
    first.send('lookup one', { key: 'poison' })
    const waiting = first.send('good morning', { key: 'behind' })
    await first.line(({ id, receipt }) => id === waiting && receipt !== undefined)
    held.resolve()
    expect(await first.ended).toBe('SIGKILL')
    for (let crash = 1; crash <= 3; crash++) expect(await drill.launch({ BEAMCLAW_FAULT: 'before:tool-outcome' }).ended).toBe('SIGKILL')

    const last = await drill.start()
    await runsEnded(drill.data, 2)
    expect((await last.ask('lookup one', { key: 'poison' })).refused).toMatchObject({ code: 'poison-message' })
    expect((await last.inspect()).deadLetters).toEqual(['poison'])
    expect((await last.ask('good morning', { key: 'behind' })).result?.text).toBe('heard: good morning')
    // Once for each of the two; the tool began four times.
    expect(drill.model.requests).toHaveLength(2)
    expect(drill.effects).toHaveLength(4)
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

  test('is not one that waits for a slow model beside it, nor one that is killed while it waits alone', async () => {
    const held = Promise.withResolvers<void>()
    await using drill = await Drill.begin(async (request) => {
      if (messagesOf(request).at(-1)?.content === 'hello') await held.promise
      return toolModel(request)
    })
    const first = await drill.start()
    const neighbour = first.send('hello', { key: 'innocent', session: 'agent:main:neighbour' })
    await first.line(({ id, receipt }) => id === neighbour && receipt !== undefined)
    first.send('bomb one', { key: 'poison' })
    expect(await first.ended).toBe('SIGKILL')
    for (let crash = 1; crash <= 3; crash++) expect(await drill.launch().ended).toBe('SIGKILL')
    for (let kill = 1; kill <= 2; kill++) await (await drill.start()).kill()
    const last = await drill.start()
    held.resolve()
    expect((await last.ask('hello', { key: 'innocent', session: 'agent:main:neighbour' })).result?.text).toBe('heard: hello')
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
