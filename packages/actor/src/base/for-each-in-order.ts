import { isThenable } from './thenable.ts'

/** Calls `step` for one item after the other; stays synchronous until a step returns a promise. */
export function inOrder<T>(items: Iterable<T>, step: (item: T) => unknown): void | Promise<void> {
  const iterator = items[Symbol.iterator]()
  for (let next = iterator.next(); next.done !== true; next = iterator.next()) {
    const outcome = step(next.value)
    if (isThenable(outcome)) return restInOrder(outcome, iterator, step)
  }
}

async function restInOrder<T>(first: PromiseLike<unknown>, rest: Iterator<T>, step: (item: T) => unknown): Promise<void> {
  await first
  for (let next = rest.next(); next.done !== true; next = rest.next()) await step(next.value)
}
