/** The name under which an adapter keeps what its service needs back. */

/**
 * Returns the name of a service: as given, otherwise `own` at its own host, otherwise the host. Two servers that speak one protocol do not accept each other's signatures, so
 * each gets back what it made itself.
 */
export function serviceOf(given: string | undefined, { host }: URL, ownHost: string, own: string): string {
  return given ?? (host === ownHost ? own : host)
}
