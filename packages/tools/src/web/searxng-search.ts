/** Web search by an instance of SearXNG: https://docs.searxng.org/dev/search_api.html */
import { checkOptions, text } from '@beamclaw/core/adapter'
import type { WebSearchCall, WebSearchProvider, WebSearchResult } from './search-provider.ts'
import {
  aServiceUrl,
  itemsAt,
  resultOf,
  SearchService,
  type SearchServiceOptions,
  searchServiceRules,
  serviceUrl,
} from './search-service.ts'

/** Options of `SearxngSearch`. */
export interface SearxngSearchOptions extends SearchServiceOptions {
  /** The address of the instance, which may be private. Its settings have to list `json` among `search.formats`. */
  readonly baseUrl: string
  /** For example `de`. @default that of the instance */
  readonly language?: string
  /** Separated by commas, for example `general,news`. @default those of the instance */
  readonly categories?: string
}

const name = 'SearXNG'

/**
 * Searches the web by an instance of SearXNG. Throws `invalid-option`.
 *
 * @example
 * const search = webSearchTool({ provider: new SearxngSearch({ baseUrl: 'http://127.0.0.1:8888' }) })
 */
export class SearxngSearch implements WebSearchProvider {
  readonly id = 'searxng'
  readonly #baseUrl: string
  readonly #asked: Readonly<Record<string, string | undefined>>
  readonly #service: SearchService

  constructor(options: SearxngSearchOptions) {
    const rules = { ...searchServiceRules, baseUrl: aServiceUrl, language: text(20), categories: text(200) }
    checkOptions<SearxngSearchOptions>('SearxngSearch', options, rules, ['baseUrl'])
    this.#baseUrl = options.baseUrl
    this.#asked = { language: options.language, categories: options.categories }
    this.#service = new SearchService(name, this.#baseUrl, options, (status) =>
      status === 403 ? 'the instance does not return JSON. Add "json" to search.formats in its settings' : undefined,
    )
  }

  async search(query: string, { count, signal }: WebSearchCall): Promise<readonly WebSearchResult[]> {
    const url = serviceUrl(this.#baseUrl, '/search', { q: query.toWellFormed(), format: 'json', ...this.#asked })
    const response = await this.#service.json({ url, headers: { accept: 'application/json' }, signal })
    // The instance has no parameter for the number of results.
    return itemsAt(name, url.hostname, response, 'results')
      .flatMap((item) => resultOf(item.title, item.url, item.content, item.publishedDate) ?? [])
      .slice(0, count)
  }
}
