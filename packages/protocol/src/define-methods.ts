/** A fragment: the methods, events and scopes that one feature adds to the protocol. Plain data that runs in browsers, too. */
import type * as z from 'zod'
import type { ScopeTable } from './scopes.ts'

/** One method of the protocol. Its schemas are synchronous. */
export interface MethodDefinition {
  /** The scope that a connection needs to call it. */
  readonly scope: string
  /** A request without parameters counts as `{}`. */
  readonly params: z.ZodType
  /** The first of two answers; absent for a method that answers once. */
  readonly accepted?: z.ZodType
  readonly result: z.ZodType
}

/** One event of the protocol. Its schema is synchronous. */
export interface EventDefinition {
  /** The scope that a connection needs to receive it; without one every connection receives it. */
  readonly scope?: string
  readonly payload: z.ZodType
}

/** Methods by name. */
export type MethodDefinitions = Readonly<Record<string, MethodDefinition>>

/** Events by name. */
export type EventDefinitions = Readonly<Record<string, EventDefinition>>

/** What one feature adds to the protocol. */
export interface MethodFragment<
  TMethods extends MethodDefinitions = MethodDefinitions,
  TEvents extends EventDefinitions = EventDefinitions,
> {
  readonly methods: TMethods
  readonly events: TEvents
  readonly scopes: ScopeTable
}

/** What a fragment has besides methods. */
export interface FragmentAdditions<TEvents extends EventDefinitions> {
  /** Events that it publishes. @default {} */
  readonly events?: TEvents
  /** Scopes that its methods and events need and no other fragment has. @default {} */
  readonly scopes?: ScopeTable
}

/**
 * Returns a fragment of the protocol, with the types of its parameters, results and payloads inferred from the schemas. Names of methods,
 * events and scopes are words of letters, digits, `-` and `_`, joined by dots, at most 128 characters. The gateway that is given the fragment
 * checks them, and throws `invalid-option`.
 *
 * @example
 * const processMethods = defineMethods(
 *   { 'processes.list': { scope: 'operator.read', params: z.strictObject({}), result: z.array(z.string()) } },
 *   { events: { 'processes.changed': { scope: 'operator.read', payload: z.strictObject({ id: z.string() }) } } },
 * )
 */
export function defineMethods<const TMethods extends MethodDefinitions, const TEvents extends EventDefinitions = Record<never, never>>(
  methods: TMethods,
  { events, scopes = {} }: FragmentAdditions<TEvents> = {},
): MethodFragment<TMethods, TEvents> {
  return { methods, events: events ?? ({} as TEvents), scopes }
}

/** The names of a fragment's methods. */
export type MethodNameOf<TFragment extends MethodFragment> = keyof TFragment['methods'] & string

/** What a method of a fragment takes. */
export type ParamsOf<TFragment extends MethodFragment, TName extends MethodNameOf<TFragment>> = z.infer<
  TFragment['methods'][TName]['params']
>

/** What a method of a fragment returns. */
export type ResultOf<TFragment extends MethodFragment, TName extends MethodNameOf<TFragment>> = z.infer<
  TFragment['methods'][TName]['result']
>

/** The first of the two answers of a method; `never` for a method that answers once. */
export type AcceptedOf<TFragment extends MethodFragment, TName extends MethodNameOf<TFragment>> = TFragment['methods'][TName] extends {
  readonly accepted: infer TSchema extends z.ZodType
}
  ? z.infer<TSchema>
  : never

/** The names of a fragment's events. */
export type EventNameOf<TFragment extends MethodFragment> = keyof TFragment['events'] & string

/** What an event of a fragment carries. */
export type PayloadOf<TFragment extends MethodFragment, TName extends EventNameOf<TFragment>> = z.infer<
  TFragment['events'][TName]['payload']
>
