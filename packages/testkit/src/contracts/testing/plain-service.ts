/** A model service in memory: it takes requests as text, and answers as it is arranged. */
import type { ServiceBehavior } from '../provider-fixtures.ts'

/** The key that it expects. */
export const plainKey = 'sk-plain-0123456789'

export type ServiceEvent =
  | { readonly type: 'text'; readonly text: string }
  | { readonly type: 'call-piece'; readonly id: string; readonly name: string; readonly piece: string }
  | { readonly type: 'refused'; readonly status: 401 | 429 | 500; readonly message: string }
  | { readonly type: 'broken' }
  | { readonly type: 'end'; readonly reason: 'stop' | 'calls' | 'limit'; readonly input: number; readonly output: number }

const statuses = { auth: 401, 'rate-limit': 429, server: 500 } as const

function eventsOf(behavior: ServiceBehavior): readonly ServiceEvent[] {
  const end = (reason: 'stop' | 'calls' | 'limit', input = 12, output = 5) => ({ type: 'end', reason, input, output }) as const
  const text = (...pieces: readonly string[]): ServiceEvent[] => pieces.map((piece) => ({ type: 'text', text: piece }))
  const pieces = (...parts: readonly string[]): ServiceEvent[] =>
    parts.map((piece) => ({ type: 'call-piece', id: 'call_0', name: 'add', piece }))
  switch (behavior.type) {
    case 'text':
      return [...text('It is ', '', 'five, ', 'as far as I can tell.'), end('stop')]
    case 'say':
      return [...text(...(behavior.text.match(/[\s\S]{1,8}/gu) ?? [])), end('stop', behavior.inputTokens, behavior.outputTokens)]
    case 'tool-call':
      return [...text('Let me see.'), ...pieces('{"a":', '2,"b":3}'), end('calls')]
    case 'cut-off':
      return [...pieces('{"a":', '2,"b"'), end('limit')]
    case 'hang':
      return text('one ', 'two ')
    case 'break':
      return [...text('one ', 'two '), { type: 'broken' }]
    case 'silence':
      return []
    case 'fail':
      return [{ type: 'refused', status: statuses[behavior.as], message: `Refused the key ${plainKey}.` }]
  }
}

/** One answer on its way; an exhausted one never gives another event. */
export class PlainConnection {
  readonly #events: ServiceEvent[]
  readonly #onClose: () => void

  constructor(events: readonly ServiceEvent[], onClose: () => void) {
    this.#events = [...events]
    this.#onClose = onClose
  }

  async next(): Promise<ServiceEvent> {
    await new Promise((resolve) => setImmediate(resolve))
    return this.#events.shift() ?? new Promise<never>(() => {})
  }

  close(): void {
    this.#onClose()
  }
}

export class PlainService {
  readonly requests: string[] = []
  readonly #behaviors: ServiceBehavior[] = []
  readonly #open = new Set<PlainConnection>()

  arrange(behavior: ServiceBehavior): void {
    this.#behaviors.push(behavior)
  }

  connect(request: string): PlainConnection {
    this.requests.push(request)
    const behavior = this.#behaviors.shift() ?? { type: 'fail', as: 'server' }
    const connection = new PlainConnection(eventsOf(behavior), () => this.#open.delete(connection))
    this.#open.add(connection)
    return connection
  }

  async idle(): Promise<void> {
    while (this.#open.size > 0) await new Promise((resolve) => setImmediate(resolve))
  }
}
