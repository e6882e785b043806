/** Waits for all of several tasks before it reports a failure: what they use must not be closed or removed under them. */

/** Resolves when all have resolved. Rejects with the first failure, after all have ended. */
export async function settleAll(tasks: readonly Promise<unknown>[]): Promise<void> {
  for (const result of await Promise.allSettled(tasks)) if (result.status === 'rejected') throw result.reason
}
