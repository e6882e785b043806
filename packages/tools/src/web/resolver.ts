/** Looks names up: what users may replace. */

/** One address of a name. */
export interface ResolvedAddress {
  readonly address: string
  readonly family: number
}

/** Looks a name up. Rejects with the `code` of `dns.lookup` for a name that has no address. */
export type Resolver = (hostname: string) => Promise<readonly ResolvedAddress[]>
