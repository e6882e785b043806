import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Circuit, type CircuitState, type CircuitTicket } from './circuit.ts'

const settings = { failureThreshold: 3, withinMs: 100, openMs: 50 }

function circuit() {
  const changes: string[] = []
  const made = new Circuit(settings, (from, to) => changes.push(`${from} ${to}`))
  const failAt = (now: number): void => {
    const ticket = made.admit(now)
    if (ticket !== undefined) made.failed(ticket, now)
  }
  const open = (now: number): void => {
    for (let failure = 0; failure < settings.failureThreshold; failure++) failAt(now)
  }
  return { made, changes, failAt, open }
}

describe('a circuit', () => {
  test('opens with the failure that is one too many within the window', () => {
    const { made, failAt } = circuit()
    failAt(0)
    failAt(99)
    // The first failure is no longer within the window.
    failAt(100)
    expect(made.state(100)).toBe('closed')
    expect(made.failures(100)).toBe(2)
    failAt(101)
    expect(made.state(101)).toBe('open')
    expect(made.admit(101)).toBeUndefined()
    expect(made.waitMs(111)).toBe(40)
  })

  test('lets one probe through when its time is over, and closes when that gets an answer', () => {
    const { made, open, changes } = circuit()
    open(0)
    expect(made.state(50)).toBe('halfOpen')
    const probe = made.admit(50)
    expect(probe).toBeDefined()
    expect(made.admit(50)).toBeUndefined()
    expect(made.waitMs(50)).toBeUndefined()
    if (probe !== undefined) made.answers(probe)
    expect(made.state(51)).toBe('closed')
    expect(made.failures(51)).toBe(0)
    expect(changes).toEqual(['closed open', 'open halfOpen', 'halfOpen closed'])
  })

  test('opens again when the probe fails', () => {
    const { made, open, failAt } = circuit()
    open(0)
    failAt(60)
    expect(made.state(109)).toBe('open')
    expect(made.state(110)).toBe('halfOpen')
  })

  test('lets the next call probe when the first told nothing', () => {
    const { made, open } = circuit()
    open(0)
    const probe = made.admit(50)
    if (probe !== undefined) made.released(probe)
    expect(made.state(50)).toBe('halfOpen')
    expect(made.admit(50)).toBeDefined()
  })

  test('does not listen to calls from before it opened', () => {
    const { made, open } = circuit()
    const early = [1, 2, 3, 4].map(() => made.admit(0))
    open(0)
    const probe = made.admit(50)
    for (const ticket of early) if (ticket !== undefined) made.failed(ticket, 51)
    expect(made.state(51)).toBe('halfOpen')
    if (probe !== undefined) made.answers(probe)
    for (const ticket of early) if (ticket !== undefined) made.failed(ticket, 52)
    expect(made.failures(52)).toBe(0)
    expect(made.state(52)).toBe('closed')
  })

  test('counts a probe that broke off midway', () => {
    const { made, open } = circuit()
    open(0)
    const probe = made.admit(50)
    if (probe === undefined) throw new Error('no probe')
    made.answers(probe)
    made.failed(probe, 60)
    expect(made.failures(60)).toBe(1)
  })

  test('never lets two probes through at once, never opens with too few failures, and always comes back', () => {
    const event = fc.record({
      wait: fc.integer({ min: 0, max: 60 }),
      what: fc.constantFrom('admit', 'answers', 'failed', 'released'),
      which: fc.nat(),
    })
    fc.assert(
      fc.property(fc.array(event, { maxLength: 80 }), (events) => {
        const changes: CircuitState[] = []
        const running: CircuitTicket[] = []
        let probe: CircuitTicket | undefined
        const made = new Circuit(settings, (_, to) => {
          changes.push(to)
          probe = undefined
        })
        let now = 0
        let failuresSinceClosed = 0
        for (const { wait, what, which } of events) {
          now += wait
          const before = made.state(now)
          if (what === 'admit') {
            const ticket = made.admit(now)
            if (before === 'open') expect(ticket).toBeUndefined()
            if (before === 'closed') expect(ticket).toBeDefined()
            if (ticket !== undefined) running.push(ticket)
            if (ticket !== undefined && before === 'halfOpen') {
              expect(probe).toBeUndefined()
              probe = ticket
            }
          } else {
            const [ticket] = running.splice(which % Math.max(running.length, 1), 1)
            if (ticket === undefined) continue
            if (what === 'failed') {
              failuresSinceClosed++
              made.failed(ticket, now)
            } else if (what === 'answers') made.answers(ticket)
            else made.released(ticket)
            if (ticket === probe) probe = undefined
            if (before === 'closed' && made.state(now) === 'open') {
              expect(failuresSinceClosed).toBeGreaterThanOrEqual(settings.failureThreshold)
              failuresSinceClosed = 0
            }
          }
        }
        for (const ticket of running) made.released(ticket)
        expect(made.admit(now + settings.openMs)).toBeDefined()
        // Open is left only by way of half open, and half open is entered only from open.
        for (const [index, state] of changes.entries()) {
          if (state === 'halfOpen') expect(changes[index - 1]).toBe('open')
          if (state === 'closed') expect(changes[index - 1]).toBe('halfOpen')
        }
      }),
    )
  })
})
