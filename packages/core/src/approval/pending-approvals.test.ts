import { SystemClock, silentLogger } from '@beamclaw/actor'
import { expect, test } from 'vitest'
import type { ApprovalRequest } from '../base/approval.ts'
import { parseTenantId } from '../base/ids.ts'
import { MemoryStore } from '../defaults/memory-store.ts'
import { approvalId } from './approval-id.ts'
import { PendingApprovals } from './pending-approvals.ts'

/** Tells whether the last timer that was set holds its process. */
class WatchedClock extends SystemClock {
  holdsProcess = false
  override setTimer(callback: () => void, delayMs: number, background = false) {
    const timer = super.setTimer(callback, delayMs, true)
    this.holdsProcess = !background
    return {
      cancel: () => {
        timer.cancel()
        this.holdsProcess = false
      },
    }
  }
}

const sessionKey = 'agent:main:office' as ApprovalRequest['sessionKey']

function requestFor(name: string, seconds: number): ApprovalRequest {
  const expiresAt = Date.now() + seconds * 1_000
  return { id: approvalId(expiresAt, name), expiresAt, sessionKey } as ApprovalRequest
}

function book(store: MemoryStore, clock: WatchedClock): PendingApprovals {
  const tenant = parseTenantId('default')
  return new PendingApprovals({ tenant, store, clock, logger: silentLogger, expire: () => Promise.resolve(true) })
}

test('a process does not end while a call of its own waits for a person', async () => {
  const clock = new WatchedClock()
  const pending = book(new MemoryStore(), clock)
  await pending.open()
  expect(clock.holdsProcess).toBe(false)
  const [first, second] = [requestFor('aaaaaaaaaa', 60), requestFor('bbbbbbbbbb', 90)]
  pending.follow(sessionKey, [first, second])
  expect(clock.holdsProcess).toBe(true)
  pending.follow(sessionKey, [second])
  expect(clock.holdsProcess).toBe(true)
  pending.follow(sessionKey, [])
  expect(clock.holdsProcess).toBe(false)
  pending.close()
})

test('what an earlier process has left keeps nothing awake, and a later call of its own does', async () => {
  const store = new MemoryStore()
  const before = book(store, new WatchedClock())
  await before.open()
  await before.prepare(requestFor('aaaaaaaaaa', 60))
  before.close()

  const clock = new WatchedClock()
  const after = book(store, clock)
  await after.open()
  expect(clock.holdsProcess).toBe(false)
  after.follow(sessionKey, [requestFor('bbbbbbbbbb', 600)])
  expect(clock.holdsProcess).toBe(true)
  after.close()
  expect(clock.holdsProcess).toBe(false)
})
