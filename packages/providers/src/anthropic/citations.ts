/** Citations of a text: what an answer had of them is kept, and those of a search go back. */
import type { JsonObject, JsonValue } from '@beamclaw/core'
import { objectsOf, textIn } from '../shared/fields.ts'

/**
 * Returns the citations that go back with their text; no field where there are none. Anthropic wants the index of what its search found back:
 * platform.claude.com/docs/en/agents-and-tools/tool-use/web-search-tool. Others name documents by their place in a conversation that may have lost them.
 */
export function citationsToSend(kept: JsonValue | undefined): { readonly citations?: readonly JsonObject[] } {
  const citations = objectsOf(kept)
    .map(searchCitation)
    .filter((citation) => citation !== undefined)
  return citations.length === 0 ? {} : { citations }
}

/** An import may have written anything there, so only the fields that the service takes are read. */
function searchCitation({ type, title, ...fields }: JsonObject): JsonObject | undefined {
  const [url, encrypted_index, cited_text] = [fields.url, fields.encrypted_index, fields.cited_text].map(textIn)
  if (type !== 'web_search_result_location' || url === undefined || encrypted_index === undefined || cited_text === undefined) {
    return undefined
  }
  return { type, url, title: textIn(title) ?? null, encrypted_index, cited_text }
}
