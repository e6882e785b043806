/** What the store needs of a client for Redis: five functions, so that another client is one more file. */

/** A word of a command: text, or bytes. */
export type RedisWord = string | Uint8Array

/** A reply. Text is `string`, or `Uint8Array` where bytes were asked for. */
export type RedisReply = string | number | Uint8Array | null | readonly RedisReply[] | { readonly [field: string]: RedisReply }

/** Options of `RedisClient.send`. */
export interface SendOptions {
  /** Replies are bytes instead of text. @default false */
  readonly asBytes?: boolean
}

/** A Lua script. The server keeps it under the SHA-1 of its source. */
export interface RedisScript {
  readonly source: string
  readonly sha: string
}

/**
 * A connection that restores itself. `send` and `script` reject `NotConnectedError` at once while there is none: such a command was not sent, and never will be.
 * They reject with the client's own error otherwise. No command is sent twice.
 */
export interface RedisClient {
  /** What the names of all keys begin with, for messages. */
  readonly keyPrefix?: string | undefined
  send(command: readonly RedisWord[], options?: SendOptions): Promise<RedisReply>
  /** Runs a script, whether or not the server knows it already. */
  script(script: RedisScript, keys: readonly string[], args: readonly RedisWord[]): Promise<RedisReply>
  /** Resolves once messages of the channel arrive, with the function that ends that. */
  subscribe(channel: string, listener: (message: string) => void): Promise<() => Promise<void>>
  /**
   * Connects if need be. `listener` is called for each connection, before any command can use it, and at once when there is one already; with an error for
   * each failed attempt and each connection that is lost. Returns the function that removes the listener.
   */
  onReconnect(listener: (trouble?: unknown) => void): () => void
  /** Ends what this adapter opened. A client that was handed over stays connected. */
  stop(): Promise<void>
}

/** The command was not sent: there is no connection. `cause` is why the last attempt failed, if one did. */
export class NotConnectedError extends Error {
  override readonly name = 'NotConnectedError'
}
