/** Puts a model's answer together from its pieces. */
import { BeamClawError } from '../errors.ts'
import type { AssistantMessage, TextPart, ThinkingPart, ToolCall, Usage } from '../messages.ts'
import type { FinishReason, ProviderPart } from '../ports/provider.ts'

/** A whole answer. */
export interface Answer {
  readonly message: AssistantMessage
  readonly finish: FinishReason
  readonly usage: Usage
}

/** Reads a provider's stream to its end, showing each piece to `onPart`. Throws what the stream throws, or `provider-protocol` when it ends early. */
export async function readAnswer(stream: AsyncIterable<ProviderPart>, onPart: (part: ProviderPart) => void): Promise<Answer> {
  const content: (TextPart | ThinkingPart | ToolCall)[] = []
  let text = ''
  let thinking = ''
  const endText = (): void => {
    if (text !== '') content.push({ type: 'text', text })
    text = ''
  }
  const endThinking = (rest: { readonly signature?: string; readonly redacted?: string } = {}): void => {
    if (thinking !== '' || rest.redacted !== undefined) content.push({ type: 'thinking', text: thinking, ...rest })
    thinking = ''
  }
  let answer: Answer | undefined
  for await (const part of stream) {
    onPart(part)
    switch (part.type) {
      case 'text-delta':
        endThinking()
        text += part.text
        break
      case 'thinking-delta':
        endText()
        thinking += part.text
        break
      case 'thinking-end': {
        const { type: _, ...rest } = part
        endText()
        endThinking(rest)
        break
      }
      case 'tool-call':
        endThinking()
        endText()
        content.push(part)
        break
      case 'finish':
        endThinking()
        endText()
        // Read on to the end, which follows: leaving now would be taken for an abort.
        answer = { message: { role: 'assistant', content }, finish: part.reason, usage: part.usage }
    }
  }
  if (answer !== undefined) return answer
  throw new BeamClawError('provider-protocol', 'The answer ended without saying why')
}
