/** A request that is repeated beside itself: no reply may mean that it was lost, or that the reply takes its time. */
import type { Clock, TimerHandle } from '@beamclaw/actor'

export interface RepeatedRequest<T> {
  /** Makes the request. Rejects once that many milliseconds are over. */
  readonly request: (leftMs: number) => Promise<T>
  readonly clock: Clock
  /** Milliseconds for all attempts together. */
  readonly timeoutMs: number
  /** Milliseconds until the second attempt; doubled for each further one. With no less than `timeoutMs` there is one attempt. */
  readonly againMs: number
}

/** Settles as the first attempt that settles does. An attempt that is under way is never given up for the next one. */
export async function firstReply<T>({ request, clock, timeoutMs, againMs }: RepeatedRequest<T>): Promise<T> {
  if (againMs >= timeoutMs) return request(timeoutMs)
  const until = clock.monotonic() + timeoutMs
  const first = Promise.withResolvers<T>()
  let timer: TimerHandle | undefined
  const attempt = (nextMs: number): void => {
    const leftMs = until - clock.monotonic()
    request(leftMs).then(first.resolve, first.reject)
    timer = nextMs < leftMs ? clock.setTimer(() => attempt(2 * nextMs), nextMs) : undefined
  }
  try {
    attempt(againMs)
    return await first.promise
  } finally {
    timer?.cancel()
  }
}
