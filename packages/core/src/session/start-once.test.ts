import { silentLogger } from '@beamclaw/actor'
import { expect, test } from 'vitest'
import * as z from 'zod'
import { BeamClaw } from '../beamclaw.ts'
import { defineTool } from '../tool/tool.ts'

test('a BeamClaw starts once at a time, and again when what it started has ended', async () => {
  const claw = new BeamClaw({ providers: {}, agents: [], services: { logger: silentLogger } })
  const starting = claw.start()
  await expect(claw.start()).rejects.toMatchObject({ code: 'actor-already-started' })
  const first = await starting
  await expect(claw.start()).rejects.toMatchObject({ code: 'actor-already-started' })
  await first.stop()
  const second = await claw.start()
  expect([first.isRunning, second.isRunning]).toEqual([false, true])
  await second.stop()
})

test('a tool whose schema cannot be told to a model says which tool, and what to do', () => {
  const make = (): unknown => defineTool({ name: 'when', description: 'asks', input: z.object({ at: z.date() }), execute: () => 'now' })
  expect(make).toThrow(
    expect.objectContaining({ code: 'invalid-option', message: expect.stringMatching(/Tool "when".*"at".*"inputSchema"/) }),
  )
})
