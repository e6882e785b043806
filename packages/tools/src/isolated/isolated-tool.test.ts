import { spawn } from 'node:child_process'
// Code that loops, grows, exits or leaves children ends with its call, and no other session waits for it.
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { BeamClaw, defineAgent, type RunEvent, silentLogger } from '@beamclaw/core'
import { ScriptedProvider, toolAnswer } from '@beamclaw/core/testing'
import { describe, expect, test } from 'vitest'
import * as z from 'zod'
import { isolatedTool } from './isolated-tool.ts'

const module = new URL('./testing/code.ts', import.meta.url)

async function call(isolate: 'worker' | 'process' | undefined, act: string, timeoutMs = 20_000) {
  const tool = isolatedTool({
    name: 'work',
    description: 'Works',
    input: z.object({ act: z.string() }),
    module,
    ...(isolate === undefined ? {} : { isolate }),
    timeoutMs,
    memoryMegabytes: 64,
  })
  const provider = new ScriptedProvider({ answers: [toolAnswer('work', { act }), 'done'] })
  const claw = await new BeamClaw({
    providers: { test: provider },
    agents: [defineAgent({ id: 'main', model: 'test/any', tools: [tool] })],
    services: { logger: silentLogger },
  }).start()
  const events: RunEvent[] = []
  for await (const event of claw.session('agent:main:a').send('go')) events.push(event)
  await claw.stop()
  const result = events.find(({ type }) => type === 'tool-result') as Extract<RunEvent, { type: 'tool-result' }>
  return {
    outcome: result.outcome,
    content: String(result.result.content),
    progress: events.filter(({ type }) => type === 'tool-progress'),
  }
}

describe.each(['worker', 'process'] as const)('code in a %s', (isolate) => {
  test('gets its input and returns JSON', async () => {
    expect(await call(isolate, 'hello')).toMatchObject({ outcome: 'ok', content: '{"act":"hello","attempt":1}' })
    expect(await call(isolate, 'function')).toMatchObject({ outcome: 'ok' })
  })

  test('tells its progress', async () => {
    expect((await call(isolate, 'progress')).progress).toMatchObject([{ data: { percent: 50 } }])
  })

  test('that never ends is ended at its deadline', async () => {
    expect(await call(isolate, 'loop', 1_500)).toMatchObject({ outcome: 'error', content: expect.stringMatching(/1500 ?ms|time/) })
  })

  test('that takes too much heap is ended, and the process goes on', async () => {
    expect(await call(isolate, 'heap')).toMatchObject({ outcome: 'error', content: expect.stringContaining('64 MB of memory') })
  }, 60_000)

  test('that exits, throws or returns what is no JSON fails the call alone', async () => {
    expect(await call(isolate, 'exit')).toMatchObject({ outcome: 'error', content: expect.stringContaining('ended without a result') })
    // The first failure says that it may be tried again.
    expect(await call(isolate, 'throw')).toMatchObject({ outcome: 'error', content: expect.stringContaining('no luck') })
    expect(await call(isolate, 'cycle')).toMatchObject({ outcome: 'error', content: expect.stringMatching(/circular/i) })
  })

  test('has no variable of this process', async () => {
    process.env.ISOLATED_SECRET = 'x'
    const { outcome, content } = await call(isolate, 'environment')
    expect([outcome, content.includes('SECRET')]).toEqual(['ok', false])
    delete process.env.ISOLATED_SECRET
  })

  test('may print as much as it likes', async () => {
    expect(await call(isolate, 'print')).toMatchObject({ outcome: 'ok', content: 'printed' })
  }, 60_000)
})

describe.skipIf(!existsSync('/usr/bin/prlimit'))('code in a process', () => {
  test('that takes memory beside its heap is ended', async () => {
    expect(await call('process', 'buffers')).toMatchObject({ outcome: 'error' })
  }, 60_000)

  test('that takes memory in one large piece ends nothing but itself, unless told otherwise', async () => {
    expect(await call(undefined, 'table')).toMatchObject({ outcome: 'error', content: expect.stringContaining('64 MB of memory') })
  }, 60_000)

  test('ends with a process that is killed, also while it holds up its own event loop', async () => {
    const caller = spawn(process.execPath, [
      '--conditions=beamclaw:source',
      fileURLToPath(new URL('testing/doomed-caller.ts', import.meta.url)),
    ])
    const pid = Number(await new Promise((resolve) => void caller.stdout.once('data', (text) => resolve(String(text)))))
    expect(isRunning(pid)).toBe(true)
    caller.kill('SIGKILL')
    await expect.poll(() => isRunning(pid), { timeout: 20_000 }).toBe(false)
  }, 60_000)

  test('leaves no child behind', async () => {
    const { content } = await call('process', 'child')
    expect(Number(content)).toBeGreaterThan(1)
    expect(existsSync(`/proc/${content}/cwd`) && isRunning(Number(content))).toBe(false)
  })
})

test.each([
  { module: './code.js' },
  { module: new URL('https://example.com/x.js') },
  { module, isolate: 'vm' },
  { module, memoryMegabytes: 1 },
])('wrong options are refused: %#', (options) => {
  expect(() => isolatedTool({ name: 'x', description: 'x', ...options } as never)).toThrow(
    expect.objectContaining({ code: 'invalid-option' }),
  )
})

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}
