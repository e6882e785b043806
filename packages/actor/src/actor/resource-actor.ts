/** An actor that holds a resource: opens it when it starts, closes it when it stops. */
import { aFunction, checkOptions } from '../base/options.ts'
import { Actor } from './actor.ts'

/** How a `ResourceActor` opens, closes and releases its resource. */
export interface ResourceOptions {
  /** Opens the resource; the actor is up once this has resolved. Throw to fail the start. @default nothing */
  readonly open?: () => void | Promise<void>
  /** Closes the resource when the actor is stopped, within the grace of its child spec. Not called after a kill or a crash. @default nothing */
  readonly close?: () => void | Promise<void>
  /** Called once, synchronously, when the actor has ended for any reason: to cancel timers, never to write. @default nothing */
  readonly release?: () => void
}

/**
 * Puts a resource that is opened and closed into a supervision tree. It takes no messages: `call` and `cast` crash it. Throws `invalid-option`.
 *
 * @example
 * const spec = { id: 'metrics', start: () => new ResourceActor({ open: () => server.listen(), close: () => server.stop() }) }
 */
export class ResourceActor extends Actor<never, never> {
  readonly #options: ResourceOptions

  constructor(options: ResourceOptions) {
    super()
    checkOptions<ResourceOptions>('ResourceActor', options, { open: aFunction, close: aFunction, release: aFunction })
    this.#options = options
  }

  protected override async init(): Promise<void> {
    this.monitor(() => this.#options.release?.())
    await this.#options.open?.()
  }

  protected override handle(): never {
    throw new TypeError('A ResourceActor takes no messages')
  }

  protected override async onStop(): Promise<void> {
    await this.#options.close?.()
  }
}
