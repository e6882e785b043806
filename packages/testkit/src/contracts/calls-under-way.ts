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
    return new Proxy(subject, { get: (target, name) => watched.get(name) ?? bound(target, name) })
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
        if (typeof method !== 'function' || typeof name === 'symbol') return method
        return (...args: unknown[]): unknown => {
          const result: unknown = method(...args)
          if (!(result instanceof Promise)) return result
          this.#note(result, `${owner}.${name}`)
          // A handle is an adapter, too.
          return name === 'openLog' ? result.then((log: object) => this.#watch(log, 'log')) : result
        }
      },
    })
  }

  #note(call: Promise<unknown>, name: string): void {
    const key = Symbol(name)
    this.#names.set(key, name)
    const settled = (): void => void this.#names.delete(key)
    call.then(settled, settled)
  }
}

/** A property of the target; a method keeps the target for its `this`, for private fields are of the target only. */
function bound(target: object, name: PropertyKey): unknown {
  const value: unknown = Reflect.get(target, name)
  return typeof value === 'function' ? value.bind(target) : value
}
