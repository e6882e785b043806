/** One BeamClaw per process, for web frameworks that evaluate modules several times. */

import { aFunction, checkOptions, text } from '@beamclaw/actor/internal'
import { BeamClawError } from '../base/errors.ts'
import { type RunningBeamClaw, type StopOptions, stopLimit } from '../running-beamclaw.ts'
import { EmbeddedInstance, type MakeBeamClaw } from './embedded-instance.ts'

/** A BeamClaw that starts on first use; one per process and name. */
export interface LazyBeamClaw {
  /**
   * Resolves with the running BeamClaw. The first call starts it; concurrent calls share one start; after a failed start, or when the tree has
   * ended, the next call starts it again. Rejects with the error of `make` or `BeamClaw.start`, and `actor-not-running` after `stop()` and in a
   * build step (`next build`), where nothing starts.
   *
   * @example
   * const running = await claw.get()
   */
  get(): Promise<RunningBeamClaw>
  /**
   * Stops the BeamClaw, also one that is starting, and releases the store. For the end of the program: later calls of `get` reject until
   * `lazyBeamClaw` is called again. Rejects with the first error, and `stop-timeout` as `RunningBeamClaw.stop` does, also for a start that hangs.
   *
   * @example
   * process.once('SIGTERM', () => claw.stop().finally(() => process.exit()))
   */
  stop(options?: StopOptions): Promise<void>
}

/**
 * Returns the BeamClaw of this process with this name, without starting it.
 *
 * Called again with the same name, for example when a development server evaluates a module again, it returns the same instance: a running
 * tree keeps running, and takes the agents of the new `make` at the next `get()`. Store, providers, sessions and services do not change until
 * the process restarts. `make` is called for each start and once after each such call, so it must have no side effects: it does not connect,
 * listen or lock.
 * Throws `invalid-option` unless `name` has 1 to 128 characters and `make` is a function.
 *
 * @example
 * export const claw = lazyBeamClaw('support', () => new BeamClaw({ providers, agents, store: new FsStore({ path: 'data', lockWaitMs: 15_000 }) }))
 */
export function lazyBeamClaw(name: string, make: MakeBeamClaw): LazyBeamClaw {
  checkOptions('lazyBeamClaw', { name, make }, { name: text(128), make: aFunction }, ['name', 'make'])
  const instance = instanceOf(name, make)
  return {
    get: async () => {
      if (isBuildStep()) throw builds(name)
      return instance.get()
    },
    stop: async (options) => instance.stop(stopLimit(options)),
  }
}

// On globalThis, because a bundler may evaluate this module several times in one process (docs/decisions/0015).
const instancesKey = Symbol.for('beamclaw.instances')

function instanceOf(name: string, make: MakeBeamClaw): EmbeddedInstance {
  const holder = globalThis as { [instancesKey]?: Map<string, EmbeddedInstance> }
  holder[instancesKey] ??= new Map()
  const known = holder[instancesKey].get(name)
  if (known !== undefined) {
    known.renew(make)
    return known
  }
  const instance = new EmbeddedInstance(name, make)
  holder[instancesKey].set(name, instance)
  return instance
}

function isBuildStep(): boolean {
  const { process } = globalThis as { readonly process?: { readonly env?: Readonly<Record<string, string | undefined>> } }
  return process?.env?.NEXT_PHASE === 'phase-production-build'
}

function builds(name: string): BeamClawError {
  const advice =
    'use it in a route handler, or in a page that is not rendered in advance (await connection() from "next/server" before get())'
  return new BeamClawError('actor-not-running', `The BeamClaw "${name}" does not start in a build step: ${advice}`, {
    details: { reason: 'build-step' },
  })
}
