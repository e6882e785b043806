/** True for a promise and for anything that behaves like one. Throws what a `then` that is a getter throws. */
export function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function'
}

/** Calls `done` or `failed`, later and exactly once, however a thenable of unknown making behaves: one that throws has failed. */
export function whenSettled(thenable: PromiseLike<unknown>, done: (value: unknown) => void, failed: (error: unknown) => void): void {
  let promise: Promise<unknown>
  try {
    promise = Promise.resolve(thenable)
  } catch (error) {
    promise = Promise.reject(error)
  }
  // Its own `then` may be anything.
  Promise.prototype.then.call(promise, done, failed)
}
