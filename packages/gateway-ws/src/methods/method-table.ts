/** All methods, events and scopes of a gateway: its fragments, merged and checked. */
import { BeamClawError } from '@beamclaw/core'
import { describeError, describeValue } from '@beamclaw/core/adapter'
import {
  type EventDefinition,
  type EventDefinitions,
  type MethodDefinition,
  type MethodDefinitions,
  operatorScopes,
  type ScopeDefinition,
  type ScopeTable,
} from '@beamclaw/protocol'
import type * as z from 'zod'
import { isAsyncSchema } from '../schema-check.ts'
import type { AnyImplementation, ImplementedMethods } from './implement-methods.ts'

/** Called to publish an event of one fragment. */
export type PublishAny = (event: string, payload: unknown) => void

/** A method that requests may call. */
export interface KnownMethod extends MethodDefinition {
  readonly name: string
  readonly run: AnyImplementation
  readonly publish: PublishAny
}

/** A hook of a fragment for the start of the gateway. */
export interface StartHook {
  readonly onStart: (publish: PublishAny) => unknown
  readonly publish: PublishAny
}

export interface MethodTable {
  readonly methods: ReadonlyMap<string, KnownMethod>
  readonly events: ReadonlyMap<string, EventDefinition>
  readonly scopes: ScopeTable
  readonly hooks: readonly StartHook[]
}

/** Words joined by dots: such a name needs no escape in JSON. */
const namePattern = /^[A-Za-z][\w-]*(\.[A-Za-z][\w-]*)*$/
const maxNameLength = 128

/**
 * Returns the merged table of these fragments. Throws `invalid-option` for a value that `implementMethods` did not return, a duplicate or bad
 * name, an unknown scope, and a method without an implementation.
 */
export function methodTable(
  implemented: readonly ImplementedMethods[],
  publisherOf: (events: EventDefinitions) => PublishAny,
): MethodTable {
  try {
    return tableOf(implemented, publisherOf)
  } catch (error) {
    if (BeamClawError.isInstance(error)) throw error
    // A getter or a proxy of the caller has thrown.
    return refuse(`cannot be read: ${describeError(error)}`)
  }
}

function tableOf(implemented: readonly ImplementedMethods[], publisherOf: (events: EventDefinitions) => PublishAny): MethodTable {
  const methods = new Map<string, KnownMethod>()
  const events = new Map<string, EventDefinition>()
  const scopes = new Map<string, ScopeDefinition>(Object.entries(operatorScopes))
  const hooks: StartHook[] = []
  const fragments = implemented.map(checkShape)
  for (const { fragment } of fragments) addScopes(scopes, fragment.scopes)
  for (const { impliedBy = [] } of scopes.values()) for (const name of impliedBy) checkScope(scopes, name, 'impliedBy')
  for (const { fragment, implementations, onStart } of fragments) {
    const publish = publisherOf(fragment.events)
    addMethods(methods, fragment.methods, implementations, scopes, publish)
    addEvents(events, fragment.events, scopes)
    if (onStart !== undefined) hooks.push({ onStart: onStart as StartHook['onStart'], publish })
  }
  return { methods, events, scopes: Object.fromEntries(scopes), hooks }
}

function addScopes(known: Map<string, ScopeDefinition>, scopes: ScopeTable): void {
  for (const [name, scope] of Object.entries(scopes)) {
    checkName('scope', name, known)
    const { impliedBy = [] } = anObject(scope, `the scope "${name}"`)
    if (!Array.isArray(impliedBy))
      refuse(`impliedBy of the scope "${name}" must be an array of scopes, received ${describeValue(impliedBy)}`)
    known.set(name, { impliedBy: [...impliedBy] })
  }
}

function addMethods(
  known: Map<string, KnownMethod>,
  definitions: MethodDefinitions,
  implementations: ImplementedMethods['implementations'],
  scopes: ReadonlyMap<string, ScopeDefinition>,
  publish: PublishAny,
): void {
  for (const [name, definition] of Object.entries(definitions)) {
    checkName('method', name, known)
    if (name === 'connect') refuse('the method name "connect" is reserved for the gateway')
    const { scope, params, accepted, result } = anObject(definition, `the method "${name}"`)
    checkScope(scopes, scope, `the method "${name}"`)
    checkSchema(params, `params of the method "${name}"`)
    checkSchema(result, `result of the method "${name}"`)
    if (accepted !== undefined) checkSchema(accepted, `accepted of the method "${name}"`)
    const run = Object.hasOwn(implementations, name) ? implementations[name] : undefined
    if (typeof run !== 'function') return refuse(`the method "${name}" has no implementation; received ${describeValue(run)}`)
    known.set(name, { name, scope, params, result, run, publish, ...(accepted === undefined ? {} : { accepted }) })
  }
  for (const name of Object.keys(implementations)) {
    if (!Object.hasOwn(definitions, name))
      refuse(`the implementation "${name.slice(0, maxNameLength)}" belongs to no method of its fragment`)
  }
}

function addEvents(known: Map<string, EventDefinition>, definitions: EventDefinitions, scopes: ReadonlyMap<string, ScopeDefinition>): void {
  for (const [name, definition] of Object.entries(definitions)) {
    checkName('event', name, known)
    const { scope, payload } = anObject(definition, `the event "${name}"`)
    if (scope !== undefined) checkScope(scopes, scope, `the event "${name}"`)
    checkSchema(payload, `payload of the event "${name}"`)
    known.set(name, scope === undefined ? { payload } : { scope, payload })
  }
}

function checkShape(value: ImplementedMethods): ImplementedMethods {
  const { fragment, implementations, onStart } = anObject(value, 'each of "methods"')
  const { methods, events, scopes } = anObject(fragment, 'a fragment')
  anObject(methods, 'methods of a fragment')
  anObject(events, 'events of a fragment')
  anObject(scopes, 'scopes of a fragment')
  anObject(implementations, 'the implementations of a fragment')
  if (onStart !== undefined && typeof onStart !== 'function') refuse(`onStart must be a function, received ${describeValue(onStart)}`)
  return { fragment: { methods, events, scopes }, implementations, onStart }
}

function checkName(what: string, name: string, known: ReadonlyMap<string, unknown>): void {
  if (name.length > maxNameLength || !namePattern.test(name)) {
    refuse(
      `the name of the ${what} "${name.slice(0, maxNameLength)}" must be words of letters, digits, "-" and "_", joined by dots, at most ${maxNameLength} characters`,
    )
  }
  if (known.has(name)) refuse(`the ${what} "${name}" is defined twice`)
}

function checkScope(scopes: ReadonlyMap<string, unknown>, scope: unknown, owner: string): void {
  if (typeof scope === 'string' && scopes.has(scope)) return
  const shown = typeof scope === 'string' ? `"${scope.slice(0, maxNameLength)}"` : describeValue(scope)
  refuse(`${owner} names the unknown scope ${shown}; known scopes are ${[...scopes.keys()].join(', ')}`)
}

function checkSchema(schema: unknown, what: string): void {
  const isSchema = typeof schema === 'object' && schema !== null && 'safeParse' in schema && typeof schema.safeParse === 'function'
  if (!isSchema) refuse(`${what} must be a zod schema, received ${describeValue(schema)}`)
  if (isAsyncSchema(schema as z.ZodType)) {
    refuse(`${what} must be synchronous, and it has an async function; check what takes time in the method itself`)
  }
}

function anObject<T>(value: T, what: string): T {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    refuse(`${what} must be an object, received ${describeValue(value)}`)
  return value
}

function refuse(problem: string): never {
  throw new BeamClawError('invalid-option', `Gateway: option "methods": ${problem}`, { details: { owner: 'Gateway', option: 'methods' } })
}
