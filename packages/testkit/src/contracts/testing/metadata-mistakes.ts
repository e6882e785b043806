/** Planted mistakes of providers about what services made. */
import type { ProviderRequest } from '@beamclaw/core'
import { correctProvider as correct, type ProviderMistake } from './mistaken-provider.ts'

const foreign = 'what another service made does not reach this one'
const anyShape = 'metadata of any shape fails no call, and what is foreign in it stays here'
const ownShape = 'metadata of its own service that has another shape fails no call, and stays here'

export const metadataMistakes = {
  'sends what other services made': { caughtBy: foreign, rules: { sent: ({ agent: _, ...rest }) => rest } },
  'sends the blocks that only other services understand': {
    caughtBy: foreign,
    rules: { sent: (request) => ({ ...(correct.sent(request) as object), blocks: customOf(request) }) },
  },
  'reads metadata as if its types were proven': {
    caughtBy: anyShape,
    rules: { onCall: (request) => void metadataOf(request).map((metadata) => Object.keys(metadata)) },
  },
  'reads its own metadata as if its types were proven': {
    caughtBy: ownShape,
    rules: {
      onCall: (request) =>
        void metadataOf(request).map((metadata) => (metadata as { plain?: { signature?: string } } | null)?.plain?.signature?.trim()),
    },
  },
  'sends its own metadata whatever it is': {
    caughtBy: ownShape,
    rules: {
      sent: (request) => ({
        ...(correct.sent(request) as object),
        own: metadataOf(request).map((metadata) => (metadata as { plain?: unknown } | null)?.plain),
      }),
    },
  },
} as const satisfies Readonly<Record<string, ProviderMistake>>

function answerParts({ messages: list }: ProviderRequest): readonly { readonly type: string; readonly providerMetadata?: object }[] {
  return list.flatMap((message) => (message.role === 'assistant' ? [...message.content] : []))
}

function metadataOf(request: ProviderRequest): readonly object[] {
  return answerParts(request).flatMap(({ providerMetadata }) => (providerMetadata === undefined ? [] : [providerMetadata]))
}

function customOf(request: ProviderRequest): readonly unknown[] {
  return answerParts(request).filter(({ type }) => type === 'custom')
}
