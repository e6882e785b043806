/** Implementations of a fragment of the protocol: how a feature brings its methods to a gateway. */
import type { EventNameOf, MethodDefinition, MethodFragment, MethodNameOf, ParamsOf } from '@beamclaw/protocol'
import type * as z from 'zod'

/** The connection that a request came over. */
export interface ConnectionInfo {
  readonly id: string
  /** The scopes that it requested and the gateway knows, without implied ones. */
  readonly scopes: readonly string[]
  /** The caps that it declared in `connect`. */
  readonly caps: readonly string[]
  /** Aborts when the connection is closed; from then on no response reaches the client. */
  readonly signal: AbortSignal
}

/**
 * Sends an event to every connection that holds its scope. Never throws: an event unknown to the fragment, or a payload that does not fit
 * the event's schema, is logged as `gateway.publish-failed` and not sent. A slow consumer is disconnected, as for all events.
 */
export type Publish<TFragment extends MethodFragment> = <TEvent extends EventNameOf<TFragment>>(
  event: TEvent,
  payload: z.input<TFragment['events'][TEvent]['payload']>,
) => void

/** One request, for the implementation of its method. */
export interface MethodContext<TFragment extends MethodFragment, TName extends MethodNameOf<TFragment>> {
  readonly connection: ConnectionInfo
  readonly publish: Publish<TFragment>
  /** Sends the first of two responses, once; only for methods whose definition has `accepted`. Ignored after the method has ended. */
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

// A conditional type whose condition always holds: the compiler resolves it before it infers the function's result, so that `state: 'done'` is
// inferred as the literal of the schema instead of any string.
type Implementation<
  TFragment extends MethodFragment,
  TName extends MethodNameOf<TFragment>,
> = TFragment['methods'][TName] extends MethodDefinition
  ? (
      params: ParamsOf<TFragment, TName>,
      context: MethodContext<TFragment, TName>,
    ) => ResultInput<TFragment, TName> | Promise<ResultInput<TFragment, TName>>
  : never

/** Hooks of an implementation, besides its methods. */
export interface ImplementationHooks<TFragment extends MethodFragment> {
  /**
   * Called by `gateway.start()` before the port opens, with the function that publishes events. May return a function, which is called when the gateway
   * has stopped. When the hook throws, the gateway does not start.
   */
  readonly onStart?: (publish: Publish<TFragment>) => (() => void) | undefined
}

/** An implementation of one method, after its types were checked by `implementMethods`. */
export type AnyImplementation = (params: never, context: never) => unknown

/** A fragment with its implementations: a value for the option `methods` of `Gateway`. */
export interface ImplementedMethods {
  readonly fragment: MethodFragment
  readonly implementations: Readonly<Record<string, AnyImplementation>>
  readonly onStart?: ((publish: never) => (() => void) | undefined) | undefined
}

/**
 * Returns the implementations of a fragment as one value for `new Gateway({ methods: [...] })`. Parameters are checked against their schema before
 * a call, and the result against its schema after it. A thrown `BeamClawError` becomes the error response by its code and kind; any other
 * error, or a result that does not fit, becomes `internal`, with the details in the log. Throws nothing itself: `new Gateway` checks the value and
 * throws `invalid-option`.
 *
 * @example
 * const processes = implementMethods(processMethods, { 'processes.list': () => table.ids() })
 * const gateway = new Gateway({ claw, methods: [processes] })
 */
export function implementMethods<TFragment extends MethodFragment>(
  fragment: TFragment,
  implementations: MethodImplementations<TFragment>,
  hooks: ImplementationHooks<NoInfer<TFragment>> = {},
): ImplementedMethods {
  // Without types this may be null, which the gateway refuses with what is wrong.
  const { onStart } = hooks ?? { onStart: null }
  return { fragment, implementations, onStart }
}
