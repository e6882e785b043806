/** Returns true for a promise and any other object with a `then` method. Throws what a getter of `then` throws. */
export function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function'
}

/** Calls `done` or `failed` asynchronously and exactly once, even for a thenable that breaks the contract of promises; one that throws has failed. */
export function whenSettled(thenable: PromiseLike<unknown>, done: (value: unknown) => void, failed: (error: unknown) => void): void {
  let promise: Promise<unknown>
  try {
    promise = Promise.resolve(thenable)
  } catch (error) {
    promise = Promise.reject(error)
  }
  // Its `then` is user code.
  Promise.prototype.then.call(promise, done, failed)
}
