/** Implementations of a fragment of the protocol: how a feature brings its methods to a gateway. */
import type { EventNameOf, MethodDefinition, MethodFragment, MethodNameOf, ParamsOf } from '@beamclaw/protocol'
import type * as z from 'zod'

/** The connection that a request came over. */
export interface ConnectionInfo {
  readonly id: string
  /** The scopes that it asked for and the gateway knows, without those they imply. */
  readonly scopes: readonly string[]
  /** The caps that it connected with. */
  readonly caps: readonly string[]
  /** Aborts when the connection is gone; nothing that its requests return reaches the client any more. */
  readonly signal: AbortSignal
}

/**
 * Sends an event to every connection that holds its scope. Never throws: an event that the fragment does not have, or a payload that does not
 * fit the event's schema, is logged as `gateway.publish-failed` and not sent. A connection that reads too slowly is closed, as for all events.
 */
export type Publish<TFragment extends MethodFragment> = <TEvent extends EventNameOf<TFragment>>(
  event: TEvent,
  payload: z.input<TFragment['events'][TEvent]['payload']>,
) => void

/** One request, for the implementation of its method. */
export interface MethodContext<TFragment extends MethodFragment, TName extends MethodNameOf<TFragment>> {
  readonly connection: ConnectionInfo
  readonly publish: Publish<TFragment>
  /** Sends the first of two answers, once; only for methods whose definition has `accepted`. Ignored after the method has ended. */
  readonly accept: (payload: AcceptedInput<TFragment, TName>) => void
}

type AcceptedInput<TFragment extends MethodFragment, TName extends MethodNameOf<TFragment>> = TFragment['methods'][TName] extends {
  readonly accepted: infer TSchema extends z.ZodType
}
  ? z.input<TSchema>
  : never

type ResultInput<TFragment extends MethodFragment, TName extends MethodNameOf<TFragment>> = z.input<TFragment['methods'][TName]['result']>

/** A function for each method of a fragment. */
export type MethodImplementations<TFragment extends MethodFragment> = {
  readonly [TName in MethodNameOf<TFragment>]: Implementation<TFragment, TName>
}

// A conditional type, though its condition always holds: the compiler resolves it before it looks at what a function returns, so that `state:
// 'done'` is taken for the literal that the schema has, and not for any string.
type Implementation<
  TFragment extends MethodFragment,
  TName extends MethodNameOf<TFragment>,
> = TFragment['methods'][TName] extends MethodDefinition
  ? (
      params: ParamsOf<TFragment, TName>,
      context: MethodContext<TFragment, TName>,
    ) => ResultInput<TFragment, TName> | Promise<ResultInput<TFragment, TName>>
  : never

/** What an implementation does besides answering requests. */
export interface ImplementationHooks<TFragment extends MethodFragment> {
  /**
   * Called by `gateway.start()`, before the port is open, with the function that publishes. Returns a function that is called when the gateway
   * has stopped. When it throws, the gateway does not start.
   */
  readonly onStart?: (publish: Publish<TFragment>) => (() => void) | undefined
}

/** An implementation of one method whose types have been checked. */
export type AnyImplementation = (params: never, context: never) => unknown

/** A fragment with its implementations: a value for the option `methods` of `Gateway`. */
export interface ImplementedMethods {
  readonly fragment: MethodFragment
  readonly implementations: Readonly<Record<string, AnyImplementation>>
  readonly onStart?: ((publish: never) => (() => void) | undefined) | undefined
}

/**
 * Returns the implementations of a fragment as one value for `new Gateway({ methods: [...] })`. Each gets parameters that fit their schema, and
 * what it returns is checked against the schema of the result. What it throws becomes the answer of that request: a `BeamClawError` by its code
 * and kind, anything else, like a result that does not fit, as `internal`, with the details in the log. The gateway checks the value and throws
 * `invalid-option`.
 *
 * @example
 * const processes = implementMethods(processMethods, { 'processes.list': () => table.ids() })
 * const gateway = new Gateway({ claw, methods: [processes] })
 */
export function implementMethods<TFragment extends MethodFragment>(
  fragment: TFragment,
  implementations: MethodImplementations<TFragment>,
  { onStart }: ImplementationHooks<NoInfer<TFragment>> = {},
): ImplementedMethods {
  return { fragment, implementations, onStart }
}
