/** A fragment: the methods, events and scopes that one feature adds to the protocol. Plain data that also runs in browsers. */
import type * as z from 'zod'
import type { ScopeTable } from './scopes.ts'

/** One method of the protocol. Its schemas are synchronous. */
export interface MethodDefinition {
  /** The scope that a connection needs to call it. */
  readonly scope: string
  /** A request without parameters counts as `{}`. */
  readonly params: z.ZodType
  /** Schema of the first of two responses; absent for a method with one response. */
  readonly accepted?: z.ZodType
  readonly result: z.ZodType
}

/** One event of the protocol. Its schema is synchronous. */
export interface EventDefinition {
  /** The scope that a connection needs to receive it; without one every connection receives it. */
  readonly scope?: string
  readonly payload: z.ZodType
}

/** Methods by name, as a fragment lists them. */
export type MethodDefinitions = Readonly<Record<string, MethodDefinition>>

/** Events by name, as a fragment lists them. */
export type EventDefinitions = Readonly<Record<string, EventDefinition>>

/** The methods, events and scopes that one feature adds to the protocol, as `defineMethods` returns them. */
export interface MethodFragment<
  TMethods extends MethodDefinitions = MethodDefinitions,
  TEvents extends EventDefinitions = EventDefinitions,
> {
  readonly methods: TMethods
  readonly events: TEvents
  readonly scopes: ScopeTable
}

/** The events and scopes of a fragment, the second parameter of `defineMethods`. */
export interface FragmentAdditions<TEvents extends EventDefinitions> {
  /** Events that the fragment publishes. @default {} */
  readonly events?: TEvents
  /** Scopes that its methods and events need and no other fragment defines. @default {} */
  readonly scopes?: ScopeTable
}

/**
 * Returns a fragment of the protocol, with the types of parameters, results and payloads inferred from the schemas. Names of methods,
 * events and scopes are words of letters, digits, `-` and `_`, joined by dots, at most 128 characters. Throws nothing: the gateway that gets the
 * fragment checks it and throws `invalid-option`.
 *
 * @example
 * const processMethods = defineMethods(
 *   { 'processes.list': { scope: 'operator.read', params: z.strictObject({}), result: z.array(z.string()) } },
 *   { events: { 'processes.changed': { scope: 'operator.read', payload: z.strictObject({ id: z.string() }) } } },
 * )
 */
export function defineMethods<const TMethods extends MethodDefinitions, const TEvents extends EventDefinitions = Record<never, never>>(
  methods: TMethods,
  additions: FragmentAdditions<TEvents> = {},
): MethodFragment<TMethods, TEvents> {
  // Without types this may be null, which the gateway refuses with what is wrong.
  const { events = {} as TEvents, scopes = {} } = additions ?? { events: null, scopes: null }
  return { methods, events, scopes }
}

/** The names of a fragment's methods. */
export type MethodNameOf<TFragment extends MethodFragment> = keyof TFragment['methods'] & string

/** The parameters of a method of a fragment. */
export type ParamsOf<TFragment extends MethodFragment, TName extends MethodNameOf<TFragment>> = z.infer<
  TFragment['methods'][TName]['params']
>

/** The result of a method of a fragment. */
export type ResultOf<TFragment extends MethodFragment, TName extends MethodNameOf<TFragment>> = z.infer<
  TFragment['methods'][TName]['result']
>

/** The first of two responses of a method; `never` for a method with one response. */
export type AcceptedOf<TFragment extends MethodFragment, TName extends MethodNameOf<TFragment>> = TFragment['methods'][TName] extends {
  readonly accepted: infer TSchema extends z.ZodType
}
  ? z.infer<TSchema>
  : never

/** The names of a fragment's events. */
export type EventNameOf<TFragment extends MethodFragment> = keyof TFragment['events'] & string

/** The payload of an event of a fragment. */
export type PayloadOf<TFragment extends MethodFragment, TName extends EventNameOf<TFragment>> = z.infer<
  TFragment['events'][TName]['payload']
>
