/** Web search by Brave: https://api-dashboard.search.brave.com */
import { checkOptions, text } from '@beamclaw/core/adapter'
import type { WebSearchCall, WebSearchProvider, WebSearchResult } from './search-provider.ts'
import {
  aKey,
  aServiceUrl,
  itemsAt,
  resultOf,
  SearchService,
  type SearchServiceOptions,
  searchServiceRules,
  serviceUrl,
} from './search-service.ts'

/** Options of `BraveSearch`. */
export interface BraveSearchOptions extends SearchServiceOptions {
  /** The subscription token. Never appears in errors. */
  readonly apiKey: string
  /** @default 'https://api.search.brave.com/res/v1' */
  readonly baseUrl?: string
  /** Where results should come from: two letters, for example `CH`. @default that of the service */
  readonly country?: string
  /** The language of results, for example `de`. @default that of the service */
  readonly language?: string
}

const name = 'Brave Search'
// The service refuses longer queries, and larger counts.
const limits = { characters: 400, words: 50, count: 20 }

/**
 * Searches the web by the service of Brave. Throws `invalid-option`.
 *
 * @example
 * const search = webSearchTool({ provider: new BraveSearch({ apiKey: process.env.BRAVE_API_KEY ?? '' }) })
 */
export class BraveSearch implements WebSearchProvider {
  readonly id = 'brave'
  readonly #apiKey: string
  readonly #baseUrl: string
  readonly #place: { readonly country: string | undefined; readonly search_lang: string | undefined }
  readonly #service: SearchService

  constructor(options: BraveSearchOptions) {
    const rules = { ...searchServiceRules, apiKey: aKey, baseUrl: aServiceUrl, country: text(10), language: text(20) }
    checkOptions<BraveSearchOptions>('BraveSearch', options, rules, ['apiKey'])
    this.#apiKey = options.apiKey
    this.#baseUrl = options.baseUrl ?? 'https://api.search.brave.com/res/v1'
    this.#place = { country: options.country, search_lang: options.language }
    this.#service = new SearchService(name, this.#baseUrl, options, (status) =>
      status === 422 ? 'the key is missing or wrong, or the query or an option is not valid' : undefined,
    )
  }

  async search(query: string, { count, signal }: WebSearchCall): Promise<readonly WebSearchResult[]> {
    const q = query.slice(0, limits.characters).toWellFormed().split(/\s+/).slice(0, limits.words).join(' ')
    const url = serviceUrl(this.#baseUrl, '/web/search', {
      q,
      count: Math.min(count, limits.count),
      text_decorations: 'false',
      ...this.#place,
    })
    const headers = { accept: 'application/json', 'x-subscription-token': this.#apiKey }
    const response = await this.#service.json({ url, headers, signal })
    // Without a page that fits there is no `web`.
    if (typeof response === 'object' && response !== null && !('web' in response) && 'query' in response) return []
    return itemsAt(name, url.hostname, response, 'web', 'results').flatMap(
      (item) => resultOf(item.title, item.url, item.description, item.page_age ?? item.age) ?? [],
    )
  }
}
