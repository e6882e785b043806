/** One answer, whichever way it is made, in the order it arrives. */
import type { FinishReason, Usage } from '@beamclaw/core'

export type Piece =
  | { readonly type: 'text'; readonly text: string }
  /** `index` counts the calls of the answer. */
  | { readonly type: 'tool-call-start'; readonly index: number; readonly id: string; readonly name: string }
  | { readonly type: 'tool-call-delta'; readonly index: number; readonly inputText: string }
  /** `text` is the whole answer, where that is not what the pieces add up to. */
  | { readonly type: 'end'; readonly finish: FinishReason; readonly usage: Usage; readonly text?: string }
