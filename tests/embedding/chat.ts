/** A client of the examples: all of them have the same two routes. */
import { EventSourceParserStream } from 'eventsource-parser/stream'

export interface ChatEvent {
  readonly type: string
  readonly text?: string
  readonly message?: { readonly content: readonly { readonly type: string; readonly text?: string }[] }
}

/** Sends a message; yields the events of its run as they come. */
export async function* send(url: string, text: string, key?: string): AsyncGenerator<ChatEvent> {
  const headers = { 'content-type': 'application/json' }
  const response = await fetch(url, { method: 'POST', headers, body: JSON.stringify({ text, key }) })
  if (!response.ok || response.body === null) throw new Error(`${response.status}: ${await response.text()}`)
  const events = response.body.pipeThrough(new TextDecoderStream()).pipeThrough(new EventSourceParserStream())
  for await (const { data } of events) yield JSON.parse(data)
}

/** Sends a message and reads its run to the end. */
export async function sendAndRead(
  url: string,
  text: string,
  key?: string,
): Promise<{ readonly text: string; readonly last: string | undefined }> {
  let said = ''
  let last: string | undefined
  for await (const event of send(url, text, key)) {
    // A run that is over is told with whole answers, and no pieces of them.
    if (event.type === 'text-delta') said += event.text
    if (event.type === 'message' && said === '') said = event.message?.content.map((part) => part.text ?? '').join('') ?? ''
    last = event.type
  }
  return { text: said, last }
}

/** The roles of the messages of a conversation. */
export async function roles(url: string): Promise<readonly string[]> {
  const response = await fetch(url)
  if (!response.ok) throw new Error(`${response.status}: ${await response.text()}`)
  const messages = (await response.json()) as readonly { readonly message: { readonly role: string } }[]
  return messages.map(({ message }) => message.role)
}
