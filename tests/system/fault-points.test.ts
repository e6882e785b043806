import { globSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { startGateway } from 'beamclaw/testing'
import { describe, expect, test } from 'vitest'
import { faultRecordTypes, parseFaultPoint } from './lab/fault-point.ts'
import { readJournal } from './lab/journal-files.ts'

const packages = fileURLToPath(new URL('../../packages', import.meta.url))

describe('a fault point', () => {
  test('names every record type of the journal, and nothing else', () => {
    const source = readFileSync(join(packages, 'core/src/session/journal/records.ts'), 'utf8')
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
    expect(() => parseFaultPoint(text)).toThrow(RangeError)
  })
})

// The gateway is the program that ships: the kill switch is loaded before it.
const faulty = (point: string) => ({ BEAMCLAW_FAULT: point, NODE_OPTIONS: `--import ${new URL('./lab/kill-switch.ts', import.meta.url)}` })

describe('beamclaw start with the kill switch', () => {
  test('does not start with a fault point that nobody knows', async () => {
    await expect(startGateway([], faulty('after:tool.intent'))).rejects.toThrow(/ended with 1:.*BEAMCLAW_FAULT is "after:tool.intent"/s)
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
      const first = await startGateway(['--data-dir', data], faulty('after:run-start'))
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

describe.each(['src', 'dist'])('the %s of every package', (folder) => {
  const places = globSync(`*/${folder}`, { cwd: packages }).map((place) => join(packages, place))

  test.skipIf(places.length === 0)('does not know the kill switch', () => {
    const files = places.flatMap((cwd) => globSync('**/*.{ts,js,map}', { cwd }).map((file) => join(cwd, file)))
    expect(files.length).toBeGreaterThan(100)
    expect(files.filter((file) => readFileSync(file, 'utf8').includes('BEAMCLAW_FAULT'))).toEqual([])
  })
})
