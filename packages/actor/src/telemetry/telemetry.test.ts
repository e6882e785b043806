import { describe, expect, test } from 'vitest'
import { Actor } from '../actor/actor.ts'
import type { ActorExitEvent, ActorStartEvent } from '../base/events.ts'
import { silentLogger } from '../defaults/console-logger.ts'
import type { Logger } from '../ports/services.ts'
import { Supervisor } from '../supervisor/supervisor.ts'
import { flushEventLoop } from '../testing/manual-clock.ts'
import { Telemetry } from './telemetry.ts'

const start: ActorStartEvent = { type: 'actor-start', id: 'worker', generation: 1 }
const exit: ActorExitEvent = { type: 'actor-exit', id: 'worker', generation: 1, reason: { type: 'normal' } }

class Worker extends Actor<'crash'> {
  protected override handle(): void {
    throw new Error('crashed as told')
  }
}

describe('a listener', () => {
  test('hears each event of its type, and no others', () => {
    const telemetry = new Telemetry(silentLogger)
    const heard: unknown[] = []
    telemetry.on('actor-start', (event) => heard.push(event))
    for (const event of [start, exit, start]) telemetry.emit(event)
    expect(heard).toEqual([start, start])
  })

  test('that stops listening hears no more, and stopping again does nothing', () => {
    const telemetry = new Telemetry(silentLogger)
    const heard: unknown[] = []
    const stop = telemetry.on('actor-start', (event) => heard.push(event))
    telemetry.emit(start)
    stop()
    stop()
    telemetry.emit(start)
    expect(heard).toEqual([start])
  })

  test('may listen twice, and each of the two stops by itself', () => {
    const telemetry = new Telemetry(silentLogger)
    let heard = 0
    const listener = (): void => void heard++
    const stopOne = telemetry.on('actor-start', listener)
    telemetry.on('actor-start', listener)
    telemetry.emit(start)
    stopOne()
    telemetry.emit(start)
    expect(heard).toBe(3)
  })

  test('may stop listening, or start another listener, while it hears', () => {
    const telemetry = new Telemetry(silentLogger)
    const heard: string[] = []
    const stop = telemetry.on('actor-start', () => {
      heard.push('first')
      stop()
      telemetry.on('actor-start', () => heard.push('late'))
    })
    telemetry.on('actor-start', () => heard.push('second'))
    telemetry.emit(start)
    expect(heard).toEqual(['first', 'second'])
    telemetry.emit(start)
    expect(heard).toEqual(['first', 'second', 'second', 'late'])
  })

  test('that throws harms neither the emitter nor the others, and is logged', () => {
    const logged: unknown[] = []
    const logger: Logger = { log: (...line) => logged.push(line) }
    const telemetry = new Telemetry(logger)
    const heard: unknown[] = []
    telemetry.on('actor-start', () => {
      throw new Error('dashboard is down')
    })
    telemetry.on('actor-start', (event) => heard.push(event))
    expect(() => telemetry.emit(start)).not.toThrow()
    expect(heard).toEqual([start])
    expect(logged).toEqual([['error', 'telemetry.listener-failed', { type: 'actor-start', error: 'dashboard is down' }]])
  })

  // Its promise is dropped: the rejection is unhandled, which ends the process.
  test('that rejects is logged too', async () => {
    const logged: unknown[] = []
    const telemetry = new Telemetry({ log: (...line) => logged.push(line) })
    const outcomes: Promise<void>[] = []
    const failing = async (): Promise<void> => {
      throw new Error('dashboard is down')
    }
    telemetry.on('actor-start', () => {
      const outcome = failing()
      outcome.catch(() => {})
      outcomes.push(outcome)
      return outcome
    })
    telemetry.emit(start)
    await flushEventLoop()
    expect(outcomes).toHaveLength(1)
    expect(logged).toHaveLength(1)
  })
})

describe('an event that nobody wants', () => {
  test('need not be made', () => {
    const telemetry = new Telemetry(silentLogger)
    expect(telemetry.wants('actor-start')).toBe(false)
    const stop = telemetry.on('actor-start', () => {})
    expect([telemetry.wants('actor-start'), telemetry.wants('actor-exit')]).toEqual([true, false])
    stop()
    expect(telemetry.wants('actor-start')).toBe(false)
  })

  test('may be emitted all the same', () => {
    expect(() => new Telemetry(silentLogger).emit(start)).not.toThrow()
  })
})

describe('the life of a tree', () => {
  test('is told from start through crash and restart to the limit', async () => {
    const telemetry = new Telemetry(silentLogger)
    const told: string[] = []
    telemetry.on('actor-start', ({ id, generation }) => told.push(`start ${id} ${generation}`))
    telemetry.on('actor-exit', ({ id, generation, reason }) => told.push(`exit ${id} ${generation} ${reason.type}`))
    telemetry.on('actor-restart', ({ id, supervisorId, generation, reason }) =>
      told.push(`restart ${id} of ${supervisorId} ${generation} ${reason.type}`),
    )
    telemetry.on('restart-limit', ({ supervisorId, childId, maxRestarts, withinMs }) =>
      told.push(`limit ${supervisorId} ${childId} ${maxRestarts}/${withinMs}`),
    )
    const children = [{ id: 'worker', start: () => new Worker() }]
    const supervisor = await new Supervisor({ id: 'root', maxRestarts: 1, children }).start({ logger: silentLogger, telemetry })
    for (let crash = 0; crash < 2; crash++) {
      supervisor.child('worker')?.cast('crash' as never)
      await flushEventLoop()
    }
    expect(told).toEqual([
      'start worker 1',
      'start root 1',
      'exit worker 1 crashed',
      'restart worker of root 2 crashed',
      'start worker 2',
      'exit worker 2 crashed',
      'limit root worker 1/5000',
      'exit root 1 shutdown',
    ])
  })
})
