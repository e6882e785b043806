import { flushEventLoop } from '@beamclaw/core/testing'
import { describe, expect, test } from 'vitest'
import { execStage } from './testing/exec-stage.ts'

const code = (one: string) => expect.objectContaining({ code: one })

async function withProcess(input: object = {}) {
  const staged = await execStage()
  await staged.exec({ argv: ['ls'], background: true, ...input })
  const id = staged.processes.of().list()[0]?.id ?? ''
  const process = staged.sandbox.started[0]
  if (process === undefined) throw new Error('not started')
  const stop = async (): Promise<void> => {
    for (const one of staged.sandbox.running) one.exit(0)
    await staged.claw.stop()
  }
  return { ...staged, id, running: process, stop }
}

describe('the process tool', () => {
  test('lists the processes of its session', async () => {
    const { process, id, running, stop } = await withProcess()
    running.print('12345')
    expect((await process({ action: 'list' })).content).toMatch(new RegExp(`^${id}: Running since .* 5 bytes of output. Command: ls$`))
    expect((await process({ action: 'list' }, { sessionKey: 'agent:main:b' })).content).toBe('There are no processes.')
    await stop()
  })

  test('reads and waits by byte numbers', async () => {
    const { process, id, running, stop, clock } = await withProcess()
    running.print('one ')
    expect((await process({ action: 'poll', id })).content).toMatch(/Bytes 0 to 4 of 4. Poll from 4 for more.\none $/)
    const polled = process({ action: 'poll', id, from: 4 })
    running.print('two')
    expect((await polled).content).toMatch(/Bytes 4 to 7 of 7.*\ntwo$/)
    const idle = process({ action: 'poll', id, from: 7, waitMs: 5_000 })
    await flushEventLoop()
    await clock.advance(5_000)
    expect((await idle).content).toMatch(/Bytes 7 to 7 of 7. Poll from 7 for more.\n$/)
    running.exit(1)
    expect((await process({ action: 'read', id })).content).toMatch(/^Exit code 1 .* This is the end.\none two$/)
    expect((await process({ action: 'tail', id })).content).toContain('one two')
    await stop()
  })

  test('writes, presses keys, resizes, ends the input, and kills', async () => {
    const { process, id, running, stop } = await withProcess({ pty: true })
    await process({ action: 'write', id, text: 'hello\n' })
    await process({ action: 'keys', id, keys: ['C-c', 'Enter'] })
    await process({ action: 'resize', id, columns: 10, rows: 5 })
    await process({ action: 'end-input', id })
    expect(running).toMatchObject({ input: 'hello\n\x03\r', size: { columns: 10, rows: 5 }, isInputEnded: true })
    expect((await process({ action: 'kill', id })).content).toBe('Killed. Ended by SIGTERM after 0.0 s.')
    expect((await process({ action: 'kill', id })).content).toContain('had ended before')
    await expect(process({ action: 'write', id, text: 'late' })).rejects.toEqual(code('command-ended'))
    await stop()
  })

  test('waits no longer than five seconds for a process that does not read, and says so', async () => {
    const { process, id, running, stop, clock } = await withProcess()
    running.write = () => new Promise(() => {})
    const written = process({ action: 'write', id, text: 'x'.repeat(100_000) })
    await flushEventLoop()
    await clock.advance(5_000)
    expect((await written).content).toBe(
      `${id} has not read all of its input yet; the rest waits for it. Poll it for what it waits for, or kill it.`,
    )
    for (let index = 0; index < 9; index++) process({ action: 'write', id, text: 'x'.repeat(100_000) }).catch(() => undefined)
    await flushEventLoop()
    await expect(process({ action: 'write', id, text: 'x'.repeat(100_000) })).rejects.toMatchObject({
      code: 'overloaded',
      message: expect.stringContaining('does not read its input'),
    })
    await stop()
  })

  test('knows only the processes of its own session', async () => {
    const { process, id, running, stop, planProcess } = await withProcess()
    const other = { sessionKey: 'agent:main:b' }
    for (const input of [
      { action: 'poll' },
      { action: 'tail' },
      { action: 'read' },
      { action: 'write', text: 'x' },
      { action: 'keys', keys: ['x'] },
      { action: 'end-input' },
      { action: 'resize', columns: 5, rows: 5 },
      { action: 'kill' },
    ])
      await expect(process({ ...input, id }, other)).rejects.toEqual(code('unknown-process'))
    await expect(planProcess({ action: 'write', id, text: 'x' }, other.sessionKey)).rejects.toEqual(code('unknown-process'))
    expect(running).toMatchObject({ input: '', isInputEnded: false, isRunning: true, signals: [] })
    await stop()
  })

  test('plans what it writes: no grant covers it; a look needs none', async () => {
    const { id, stop, planProcess } = await withProcess()
    expect(await planProcess({ action: 'write', id, text: 'rm -r .\n' })).toEqual({
      display: `Write to ${id}\nIt runs:\n| ls\nText:\n| rm -r .\n| `,
      detail: { action: 'write', id, text: 'rm -r .\n' },
    })
    expect(await planProcess({ action: 'keys', id, keys: ['Enter'] })).not.toHaveProperty('permits')
    for (const input of [{ action: 'list' }, { action: 'poll', id }, { action: 'kill', id }])
      expect(await planProcess(input)).toMatchObject({ permits: [] })
    await stop()
  })

  test('refuses input that lacks something', async () => {
    const { process, id, stop } = await withProcess()
    for (const input of [
      {},
      { action: 'poll' },
      { action: 'write', id },
      { action: 'keys', id },
      { action: 'resize', id },
      { action: 'pause', id },
    ])
      await expect(process(input)).rejects.toThrow()
    await stop()
  })
})
