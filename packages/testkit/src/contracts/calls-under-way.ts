/** Watches the calls of adapters, so that a test which is not done in time can name those that did not settle. */

// A name for each, however many there are.
const mostShown = 5

export class CallsUnderWay {
  readonly #names = new Map<symbol, string>()

  /** Returns the subject with the named adapters replaced by watched ones; everything else stays as it is. */
  watchIn<T>(subject: T, adapters: readonly (keyof T & string)[]): T {
    if (typeof subject !== 'object' || subject === null) return subject
    const watched = new Map<PropertyKey, unknown>()
    for (const name of adapters) {
      const adapter: unknown = subject[name]
      if (typeof adapter === 'object' && adapter !== null) watched.set(name, this.#watch(adapter, name))
    }
    // What the subject itself does, such as waiting until no connection is held, is named as well.
    const own = this.#watch(subject, 'subject')
    return new Proxy(subject, { get: (_, name) => watched.get(name) ?? Reflect.get(own, name) })
  }

  /** Returns words for the end of a message, or an empty text. */
  shown(): string {
    if (this.#names.size === 0) return ''
    const names = [...this.#names.values()]
    const rest = names.length > mostShown ? ` and ${names.length - mostShown} more` : ''
    return `; still under way: ${names.slice(0, mostShown).join(', ')}${rest}`
  }

  #watch(adapter: object, owner: string): object {
    return new Proxy(adapter, {
      get: (target, name) => {
        const method = bound(target, name)
        // The blobs of a store are an adapter, too.
        if (name === 'blobs' && typeof method === 'object' && method !== null) return this.#watch(method, `${owner}.blobs`)
        if (typeof method !== 'function') return method
        return (...args: unknown[]): unknown => this.#called(method(...args), owner, name)
      },
    })
  }

  #called(result: unknown, owner: string, method: string | symbol): unknown {
    // The iterator of a stream or a subscription.
    if (typeof method === 'symbol') return method === Symbol.asyncIterator ? this.#watch(result as object, owner) : result
    if (isIterable(result)) return this.#watch(result, `${owner}.${method}()`)
    if (!(result instanceof Promise)) return result
    this.#note(result, `${owner}.${method}`)
    // A handle is an adapter, too.
    return method === 'openLog' ? result.then((log: object) => this.#watch(log, 'log')) : result
  }

  #note(call: Promise<unknown>, name: string): void {
    const key = Symbol(name)
    this.#names.set(key, name)
    const settled = (): void => void this.#names.delete(key)
    call.then(settled, settled)
  }
}

function isIterable(value: unknown): value is object {
  return typeof value === 'object' && value !== null && Symbol.asyncIterator in value
}

/** A property of the target; a method keeps the target for its `this`, for private fields are of the target only. */
function bound(target: object, name: PropertyKey): unknown {
  const value: unknown = Reflect.get(target, name)
  return typeof value === 'function' ? value.bind(target) : value
}
