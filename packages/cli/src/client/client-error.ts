/** The error of a command that connects to a gateway. `code` is for programs, the message for people. */
export class ClientError extends Error {
  readonly code: string

  /** Codes of the client: `not-running`, `not-a-gateway`, `connect-timeout`, `request-timeout`, `connection-lost`. All others are the gateway's. */
  constructor(code: string, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.name = 'ClientError'
    this.code = code
  }
}
