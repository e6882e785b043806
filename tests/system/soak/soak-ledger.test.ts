import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type AppendLog, defaultTenant } from '@beamclaw/core'
import { FsStore } from '@beamclaw/store-fs'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { AgentLine } from '../lab/agent.ts'
import { journalPath } from '../lab/journal-files.ts'
import { SoakLedger } from './soak-ledger.ts'

let data: string
let ledger: SoakLedger

beforeEach(() => {
  data = mkdtempSync(join(tmpdir(), 'beamclaw-ledger-'))
  ledger = new SoakLedger(data)
})

afterEach(() => {
  rmSync(data, { recursive: true, force: true })
})

/** Writes to the journal of session `first`, as one process would that then ends. */
async function life(epoch: number, write: (log: AppendLog) => Promise<void>): Promise<void> {
  await using store = new FsStore({ path: data })
  await write(await store.openLog([defaultTenant, 'sessions', 'main', 'first'], { epoch, nonce: 'test' }))
}

/** A whole run: three records. */
async function run(log: AppendLog, from: number, runId = `run-${from}`): Promise<void> {
  const types = ['message-in', 'run-start', 'run-end']
  await log.append(types.map((type, index) => ({ seq: from + index, type, id: `r${from + index}`, ts: 1, data: { runId } })))
}

function told(seq: number, runId: string): AgentLine {
  return { event: { type: 'run-end', sessionKey: 'agent:main:first', seq, runId } } as unknown as AgentLine
}

function receipt(seq: number, runId: string): AgentLine {
  return { session: 'agent:main:first', receipt: { runId, status: 'accepted', seq } } as unknown as AgentLine
}

test('what was told and written in several lives, with snapshots between, is in order', async () => {
  for (let epoch = 1; epoch <= 4; epoch++) {
    const from = epoch * 3 - 2
    await life(epoch, async (log) => {
      await run(log, from)
      await log.snapshot({ seq: from + 2, state: {} })
    })
    ledger.hear(receipt(from, `run-${from}`))
    ledger.hear(told(from + 2, `run-${from}`))
    ledger.harvest()
  }
  ledger.checkAll([])
  expect(ledger.problems).toEqual([])
  expect(ledger.records).toBe(12)
  expect([ledger.isDone('first', 'run-1'), ledger.isDone('first', 'run-2')]).toEqual([true, false])
})

test('notices what was told and is not there', async () => {
  await life(1, (log) => run(log, 1))
  ledger.hear(told(4, 'run-4'))
  ledger.hear(told(1, 'another'))
  ledger.harvest()
  expect(ledger.problems).toHaveLength(2)
})

test('notices a journal that lost its end, or has another one', async () => {
  await life(1, async (log) => {
    await run(log, 1)
    await run(log, 4)
  })
  ledger.harvest()
  rmSync(journalPath(data))
  await life(1, (log) => run(log, 1, 'another'))
  ledger.harvest()
  expect(ledger.problems.map((problem) => problem.slice(0, 2))).toEqual(['G1', 'I2', 'I2', 'I2'])
})

test('notices a run without an end, a message with two runs, and a tool that nobody wrote down', async () => {
  await life(1, async (log) => {
    await run(log, 1)
    await log.append([{ seq: 4, type: 'run-start', id: 'r4', ts: 1, data: { runId: 'run-1' } }])
  })
  ledger.harvest()
  ledger.checkAll([{ tool: 'charge', toolCallId: 'charge-1', runId: 'run-1' }])
  expect(ledger.problems.some((problem) => problem.includes('I1'))).toBe(true)
  expect(ledger.problems.some((problem) => problem.includes('I3'))).toBe(true)
})
