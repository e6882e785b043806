/** The requests whose answer is not complete: a gateway that stops waits for them. */
import type { SessionKey } from '@beamclaw/core'

interface Request {
  readonly key: SessionKey | undefined
  readonly over: PromiseWithResolvers<void>
}

/** I1: a request counts from `follow` until its answer was read to its end, or its reader has left. */
export class RequestsUnderWay {
  readonly #requests = new Set<Request>()

  /** Opens an answer, and returns it. `key` is the session that gives it, if one does. Rejects as `open` does. */
  async follow<T>(key: SessionKey | undefined, open: () => Promise<AsyncIterable<T>>): Promise<AsyncIterable<T>> {
    const request: Request = { key, over: Promise.withResolvers() }
    this.#requests.add(request)
    try {
      return this.#untilRead(await open(), request)
    } catch (error) {
      this.#end(request)
      throw error
    }
  }

  /** Resolves once the present requests are over: with true, or with false when some of them wait for an approval. */
  async atRest(isParked: (key: SessionKey) => Promise<boolean>): Promise<boolean> {
    const over = await Promise.all(
      [...this.#requests].map(async ({ key, over }) => {
        if (key !== undefined && (await isParked(key))) return false
        await over.promise
        return true
      }),
    )
    return over.every(Boolean)
  }

  async *#untilRead<T>(pieces: AsyncIterable<T>, request: Request): AsyncGenerator<T> {
    try {
      yield* pieces
    } finally {
      this.#end(request)
    }
  }

  #end(request: Request): void {
    this.#requests.delete(request)
    request.over.resolve()
  }
}
