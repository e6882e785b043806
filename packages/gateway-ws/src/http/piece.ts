/** The pieces of one answer, in order of arrival, from a session or a stateless completion. */
import type { FinishReason, Usage } from '@beamclaw/core'

export type Piece =
  | { readonly type: 'text'; readonly text: string }
  /** `index` numbers the tool calls of the answer. */
  | { readonly type: 'tool-call-start'; readonly index: number; readonly id: string; readonly name: string }
  | { readonly type: 'tool-call-delta'; readonly index: number; readonly inputText: string }
  /** `text` is the whole answer, where it differs from the sum of the pieces. */
  | { readonly type: 'end'; readonly finish: FinishReason; readonly usage: Usage; readonly text?: string }
