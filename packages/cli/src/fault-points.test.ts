import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { MemoryStore } from '@beamclaw/core'
import { describe, expect, test } from 'vitest'
import { ConfigError } from './config/config-error.ts'
import { faultRecordTypes, parseFaultPoint, withFaultPoint } from './fault-points.ts'
import { startGateway } from './testing/gateway-process.ts'
import { readJournal } from './testing/journals.ts'

describe('a fault point', () => {
  test('names every record type of the journal, and nothing else', () => {
    const source = readFileSync(new URL('../../core/src/session/journal.ts', import.meta.url), 'utf8')
    const types = [...source.matchAll(/extends OfRun \{\n {2}readonly type: '([a-z-]+)'/g)].map(([, type]) => type)
    expect([...faultRecordTypes].sort()).toEqual(types.sort())
  })

  test('is before or after the n-th record of a type', () => {
    expect(parseFaultPoint('after:tool-intent')).toEqual({ when: 'after', recordType: 'tool-intent', count: 1 })
    expect(parseFaultPoint('before:run-end:12')).toEqual({ when: 'before', recordType: 'run-end', count: 12 })
  })

  test.each([
    'after',
    'after:',
    'after:tool.intent',
    'during:run-end',
    'after:run-end:0',
    'after:run-end:1.5',
    'after:run-end:1:2',
    ' after:run-end',
  ])('is refused: %j', (text) => {
    expect(() => parseFaultPoint(text)).toThrow(ConfigError)
  })

  test('that nobody asked for leaves the store as it is', () => {
    const store = new MemoryStore()
    expect(withFaultPoint(store, {})).toBe(store)
    expect(withFaultPoint(store, { BEAMCLAW_FAULT: '' })).toBe(store)
  })
})

describe('beamclaw start', () => {
  test('refuses a fault point that it does not know, with exit code 2', async () => {
    await expect(startGateway([], { BEAMCLAW_FAULT: 'after:tool.intent' })).rejects.toThrow(/ended with 2:.*BEAMCLAW_FAULT: expected/s)
  })

  test('dies at the fault point; the next process ends the run by itself, and the client that tries again gets its answer', async () => {
    const data = mkdtempSync(join(tmpdir(), 'beamclaw-fault-'))
    try {
      const ask = (url: string): Promise<Response> =>
        fetch(`${url}/v1/chat/completions`, {
          method: 'POST',
          headers: { 'content-type': 'application/json', 'x-beamclaw-session-key': 'agent:main:first', 'idempotency-key': 'one' },
          body: JSON.stringify({ model: 'beamclaw', messages: [{ role: 'user', content: 'hello' }] }),
        })
      const first = await startGateway(['--data-dir', data], { BEAMCLAW_FAULT: 'after:run-start' })
      await expect(ask(first.url)).rejects.toThrow()
      expect(await first.exited).toBe('SIGKILL')
      const second = await startGateway(['--data-dir', data])
      const answer = (await (await ask(second.url)).json()) as {
        readonly choices: readonly [{ readonly message: { readonly content: string } }]
      }
      expect(answer.choices[0].message.content).not.toBe('')
      second.child.kill('SIGKILL')
      await second.exited
      const types = readJournal(data).map(({ type }) => type)
      expect(types.slice(0, 3)).toEqual(['message-in', 'run-start', 'run-resume'])
      expect(types.filter((type) => type === 'run-end')).toHaveLength(1)
    } finally {
      rmSync(data, { recursive: true, force: true })
    }
  })
})
