/** Web search by Tavily: https://docs.tavily.com */
import { checkOptions, oneOf } from '@beamclaw/core/adapter'
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

/** Options of `TavilySearch`. */
export interface TavilySearchOptions extends SearchServiceOptions {
  /** Never appears in errors. */
  readonly apiKey: string
  /** @default 'https://api.tavily.com' */
  readonly baseUrl?: string
  /** How thorough a search is; an advanced one costs more. @default 'basic' */
  readonly depth?: 'basic' | 'advanced'
}

const name = 'Tavily'
const limits = { characters: 400, count: 20 }

/**
 * Searches the web by the service of Tavily. Throws `invalid-option`.
 *
 * @example
 * const search = webSearchTool({ provider: new TavilySearch({ apiKey: process.env.TAVILY_API_KEY ?? '' }) })
 */
export class TavilySearch implements WebSearchProvider {
  readonly id = 'tavily'
  readonly #apiKey: string
  readonly #baseUrl: string
  readonly #depth: 'basic' | 'advanced'
  readonly #service: SearchService

  constructor(options: TavilySearchOptions) {
    const rules = { ...searchServiceRules, apiKey: aKey, baseUrl: aServiceUrl, depth: oneOf('basic', 'advanced') }
    checkOptions<TavilySearchOptions>('TavilySearch', options, rules, ['apiKey'])
    this.#apiKey = options.apiKey
    this.#baseUrl = options.baseUrl ?? 'https://api.tavily.com'
    this.#depth = options.depth ?? 'basic'
    this.#service = new SearchService(name, this.#baseUrl, options, (status) =>
      status === 432 || status === 433 ? 'the limit of the plan is reached. Raise it, or wait for the next period' : undefined,
    )
  }

  async search(query: string, { count, signal }: WebSearchCall): Promise<readonly WebSearchResult[]> {
    const url = serviceUrl(this.#baseUrl, '/search')
    const headers = { accept: 'application/json', 'content-type': 'application/json', authorization: `Bearer ${this.#apiKey}` }
    const asked = {
      query: query.slice(0, limits.characters).toWellFormed(),
      max_results: Math.min(count, limits.count),
      search_depth: this.#depth,
    }
    const response = await this.#service.json({ url, method: 'POST', headers, body: JSON.stringify(asked), signal })
    return itemsAt(name, url.hostname, response, 'results').flatMap(
      (item) => resultOf(item.title, item.url, item.content, item.published_date) ?? [],
    )
  }
}
