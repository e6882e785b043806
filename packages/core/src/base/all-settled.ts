/** A wait for several calls. */

/** Waits until all promises are settled, so that none is still active when one fails. Rejects with the first failure. */
export async function allSettled(promises: readonly (Promise<unknown> | undefined)[]): Promise<void> {
  for (const outcome of await Promise.allSettled(promises)) if (outcome.status === 'rejected') throw outcome.reason
}
