/** Why a command that talks to a gateway did not work. `code` is for programs, the message for people. */
export class ClientError extends Error {
  readonly code: string

  /** Codes of this side: `not-running`, `not-a-gateway`, `connect-timeout`, `request-timeout`, `connection-lost`. All others are the gateway's. */
  constructor(code: string, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.name = 'ClientError'
    this.code = code
  }
}
