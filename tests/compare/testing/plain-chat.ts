/** The AI SDK's chat, as a page has it. */
import { AbstractChat, type ChatState, type ChatStatus, DefaultChatTransport, type UIMessage } from 'ai'

/** Returns the text of a message. */
export const textOf = ({ parts }: UIMessage): string => parts.map((part) => (part.type === 'text' ? part.text : '')).join('')

class PlainState implements ChatState<UIMessage> {
  status: ChatStatus = 'ready'
  error: Error | undefined = undefined
  messages: UIMessage[] = []
  pushMessage = (message: UIMessage): void => void this.messages.push(message)
  popMessage = (): void => void this.messages.pop()
  replaceMessage = (index: number, message: UIMessage): void => void this.messages.splice(index, 1, structuredClone(message))
  snapshot = <T>(value: T): T => structuredClone(value)
}

/** What `useChat` is without React. */
export class PlainChat extends AbstractChat<UIMessage> {
  constructor(api: string) {
    super({ state: new PlainState(), transport: new DefaultChatTransport({ api }) })
  }
}
