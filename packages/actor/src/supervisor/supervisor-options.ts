import { type ActorOptions, actorDefaults } from '../actor/actor-options.ts'
import { BeamClawError } from '../base/errors.ts'
import { anArray, anObject, checkOptions, describeValue, duration, integer, oneOf, text } from '../base/options.ts'
import { type ChildSpec, readChildSpec } from './child-spec.ts'
import type { RestartIntensity } from './restart-intensity.ts'
import { checkBackoff, type RestartBackoff } from './restart-schedule.ts'

/** Which children are restarted when one ends: that one, that one and those started after it, or all. */
export type RestartStrategy = 'oneForOne' | 'restForOne' | 'oneForAll'

/** Options of a `Supervisor`. */
export interface SupervisorOptions<TChildren extends readonly ChildSpec[] = readonly ChildSpec[]> {
  /** 1 to 512 characters. @default a name made by its tree */
  readonly id?: string
  /** Started in this order, stopped in reverse. @default [] */
  readonly children?: TChildren
  /** @default 'oneForOne' */
  readonly strategy?: RestartStrategy
  /** Restarts that are allowed within `withinMs`; at one more the supervisor stops its children and ends. @default 3 */
  readonly maxRestarts?: number
  /** Milliseconds. @default 5000 */
  readonly withinMs?: number
  /** Delays before restarts that follow each other closely; the first one has no delay. @default none */
  readonly backoff?: RestartBackoff
  /** Ends the supervisor when any significant child, or the last one, ends by itself and is not restarted. @default 'never' */
  readonly autoShutdown?: 'never' | 'anySignificant' | 'allSignificant'
}

/** Defaults for a supervisor. */
export const supervisorDefaults = {
  children: [],
  strategy: 'oneForOne',
  maxRestarts: 3,
  withinMs: 5_000,
  autoShutdown: 'never',
} as const satisfies SupervisorOptions

export type SupervisorSettings = Required<Omit<SupervisorOptions, 'id' | 'backoff'>> & Pick<SupervisorOptions, 'backoff'> & RestartIntensity

/** Returns options of an unbounded mailbox: a supervisor's own messages are few and must never be refused. */
export function unboundedMailbox(owner: string, options: { readonly id?: string }): ActorOptions {
  const id = options?.id
  const expected = id === undefined ? undefined : text()(id)
  if (expected !== undefined) {
    throw new BeamClawError('invalid-option', `${owner}: option "id" must be ${expected}, received ${describeValue(id)}`, {
      details: { owner, option: 'id' },
    })
  }
  const limits = { maxSize: Number.MAX_SAFE_INTEGER, maxBytes: Number.MAX_SAFE_INTEGER, passivateAfterMs: actorDefaults.passivateAfterMs }
  return id === undefined ? limits : { id, ...limits }
}

/** Returns the checked options and child specs, with the defaults filled in. */
export function supervisorSettings(options: SupervisorOptions): SupervisorSettings {
  checkOptions<SupervisorOptions>('Supervisor', options, {
    id: text(),
    children: anArray,
    strategy: oneOf('oneForOne', 'restForOne', 'oneForAll'),
    maxRestarts: integer(0),
    withinMs: duration(1),
    backoff: anObject,
    autoShutdown: oneOf('never', 'anySignificant', 'allSignificant'),
  })
  checkBackoff('Supervisor', options.backoff)
  const settings = { ...supervisorDefaults, ...definedOnly(options) }
  return { ...settings, children: Array.from(settings.children, (spec) => readSupervisedSpec(spec, settings)) }
}

/** Returns a checked copy of a child spec for a supervisor with these settings. */
export function readSupervisedSpec(given: ChildSpec, settings: Pick<SupervisorSettings, 'autoShutdown'>): ChildSpec {
  const spec = readChildSpec('Supervisor', given)
  if (spec.significant === true && settings.autoShutdown === 'never') {
    const problem = `Supervisor: child "${spec.id}" is significant, which has no effect while autoShutdown is "never"; set autoShutdown`
    throw new BeamClawError('child-spec-significant', problem, { details: { id: spec.id } })
  }
  return spec
}

function definedOnly<T extends object>(options: T): Partial<T> {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as Partial<T>
}
