/** Child specs: how a supervisor starts, restarts and stops a child, as plain data. */
import type { Actor } from '../actor/actor.ts'
import type { ErrorCode } from '../base/error-codes.ts'
import { BeamClawError, describeError } from '../base/errors.ts'
import { aBoolean, aFunction, checkKnownOptions, describeValue, duration, either, type OptionRule, oneOf, text } from '../base/options.ts'
import type { RestartType } from './restart-policy.ts'

/** How a child is stopped: milliseconds of grace before a kill; `kill` gives none, `infinity` waits. */
export type ShutdownPolicy = number | 'kill' | 'infinity'

/** Kind of a child, as trees and counts show it. */
export type ChildType = 'worker' | 'supervisor'

type AnyActor = Actor<never, unknown>

/**
 * Describes one child. An unknown key is refused with `invalid-option`.
 *
 * @example
 * const counter: ChildSpec<Counter> = { id: 'counter', start: () => new Counter() }
 */
export interface ChildSpec<TActor extends AnyActor = AnyActor> {
  /** 1 to 512 characters, unique among its siblings. */
  readonly id: string
  /** Makes a new actor, which the supervisor starts. Called again for each restart. */
  readonly start: () => TActor | Promise<TActor>
  /** @default 'permanent' */
  readonly restart?: RestartType
  /** @default 5000; 'infinity' for a Supervisor or DynamicSupervisor, whose children have their own grace */
  readonly shutdownMs?: ShutdownPolicy
  /** @default the kind of the actor that `start` returns */
  readonly type?: ChildType
  /** The end of this child may end the supervisor, see `autoShutdown`. Not for permanent children. @default false */
  readonly significant?: boolean
  /** Milliseconds until a start that has not finished counts as failed. @default 30000; none for a Supervisor or DynamicSupervisor, whose children have their own */
  readonly startTimeoutMs?: number
}

/** The ids in a list of children. */
export type ChildId<TChildren extends readonly ChildSpec[]> = TChildren[number]['id']

/** The actor of the child with this id; for an id of type `string`, a union of the actors of all such children. */
export type ChildActor<TChildren extends readonly ChildSpec[], TId extends string> = MadeBy<TChildren[number], TId>

type MadeBy<TSpec extends ChildSpec, TId extends string> = TSpec extends ChildSpec
  ? TId extends TSpec['id']
    ? Awaited<ReturnType<TSpec['start']>>
    : never
  : never

/** Defaults for a child. */
export const childDefaults = {
  restart: 'permanent',
  shutdownMs: 5_000,
  significant: false,
  startTimeoutMs: 30_000,
} as const satisfies Partial<ChildSpec>

const fieldRules: readonly (readonly [keyof ChildSpec, ErrorCode, OptionRule])[] = [
  ['id', 'child-spec-id', text()],
  ['start', 'child-spec-start', aFunction],
  ['restart', 'child-spec-restart', oneOf('permanent', 'transient', 'temporary')],
  ['shutdownMs', 'child-spec-shutdown', either(duration(), oneOf('kill', 'infinity'))],
  ['type', 'child-spec-type', oneOf('worker', 'supervisor')],
  ['significant', 'child-spec-significant', aBoolean],
  ['startTimeoutMs', 'child-spec-start-timeout', duration(1)],
]

const knownFields: readonly string[] = fieldRules.map(([field]) => field)

function isKnown(field: string): boolean {
  return knownFields.includes(field)
}

/**
 * Returns a copy of a spec, so that a getter or a proxy throws to the caller, and not later to the supervisor. Throws the error code of the
 * first field that is wrong. `idIsOptional` is for dynamic children.
 */
export function readChildSpec<TSpec extends Partial<ChildSpec>>(owner: string, spec: TSpec, idIsOptional = false): TSpec {
  if (typeof spec !== 'object' || spec === null || Array.isArray(spec)) {
    throw new BeamClawError('child-spec-not-object', `${owner}: a child spec must be an object, received ${describeValue(spec)}`)
  }
  let copy: TSpec
  try {
    copy = copyOf(spec) as TSpec
    if (!Object.keys(spec).every(isKnown)) checkKnownOptions(`${owner}: ${nameOf(copy)}`, spec, knownFields)
  } catch (cause) {
    if (BeamClawError.isInstance(cause)) throw cause
    const problem = `${owner}: a child spec must be an object that can be read: ${describeError(cause)}`
    throw new BeamClawError('child-spec-not-object', problem, { cause })
  }
  checkFields(owner, copy, idIsOptional)
  return copy
}

/** The key under which a copy of a spec keeps the original, which is `this` in `start`. */
export const givenSpec: unique symbol = Symbol('beamclaw.givenSpec')

type Writable<T> = { -readonly [K in keyof T]: T[K] }

// Field by field: this runs for every child that is started, and absent fields must cost nothing.
function copyOf(spec: Partial<ChildSpec>): Partial<ChildSpec> {
  const { id, start, restart, shutdownMs, type, significant, startTimeoutMs } = spec
  const copy = { start, [givenSpec]: spec } as Writable<Partial<ChildSpec>>
  if (id !== undefined) copy.id = id
  if (restart !== undefined) copy.restart = restart
  if (shutdownMs !== undefined) copy.shutdownMs = shutdownMs
  if (type !== undefined) copy.type = type
  if (significant !== undefined) copy.significant = significant
  if (startTimeoutMs !== undefined) copy.startTimeoutMs = startTimeoutMs
  return copy
}

function nameOf({ id }: Partial<ChildSpec>): string {
  return typeof id === 'string' ? `child "${id.slice(0, 64)}"` : 'a child'
}

function checkFields(owner: string, spec: Partial<ChildSpec>, idIsOptional: boolean): void {
  for (const [field, code, rule] of fieldRules) {
    const value = spec[field]
    const isRequired = field === 'start' || (field === 'id' && !idIsOptional)
    if (value === undefined && !isRequired) continue
    const expected = rule(value)
    if (expected === undefined) continue
    throw new BeamClawError(code, `${owner}: "${field}" of ${nameOf(spec)} must be ${expected}, received ${describeValue(value)}`, {
      details: { field, expected, received: describeValue(value) },
    })
  }
  if (spec.significant === true && (spec.restart ?? childDefaults.restart) === 'permanent') {
    throw new BeamClawError(
      'child-spec-significant',
      `${owner}: ${nameOf(spec)} cannot be both significant and permanent; make it transient or temporary`,
    )
  }
}
