/** The port of services that search the web. */

/** One hit of a search. All texts come from strangers. */
export interface WebSearchResult {
  readonly title: string
  readonly url: string
  /** What the page says about the query, or about itself. */
  readonly snippet: string
  /** As the service writes it. */
  readonly publishedAt?: string
}

/** What a search gets besides its query. */
export interface WebSearchCall {
  /** The most results. */
  readonly count: number
  readonly signal: AbortSignal
}

/**
 * A service that searches the web. `search` rejects `fetch-failed`, retryable where the same search may succeed later, and never with a key in the
 * message.
 *
 * @example
 * const wiki: WebSearchProvider = { id: 'wiki', search: async (query, { count }) => (await searchWiki(query)).slice(0, count) }
 */
export interface WebSearchProvider {
  /** For people and logs, for example `brave`. */
  readonly id: string
  readonly search: (query: string, call: WebSearchCall) => Promise<readonly WebSearchResult[]>
}
