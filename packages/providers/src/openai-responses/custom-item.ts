import type { JsonObject, ProviderPart } from '@beamclaw/core'
import { isKeepable } from '../shared/keepable.ts'
import type { OutputContext, OutputItem } from './output-item.ts'

/** An item that only the service understands, such as the call of a tool that ran there. It is kept whole, with its id. */
export class CustomItem implements OutputItem {
  readonly #context: OutputContext
  readonly #kind: string

  constructor(context: OutputContext, kind: string) {
    this.#context = context
    this.#kind = kind
  }

  done(item: JsonObject): { readonly parts: readonly ProviderPart[] } {
    if (isKeepable({ item }))
      return { parts: [{ type: 'custom', kind: this.#kind, providerMetadata: { [this.#context.service]: { item } } }] }
    const message = `An item "${this.#kind}" of the answer is too large to be kept with the conversation, so it is not sent back.`
    return { parts: [{ type: 'warning', setting: this.#kind, message }] }
  }

  end(): readonly ProviderPart[] {
    return []
  }
}
