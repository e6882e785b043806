/** A line within one process, over the structured clone that IPC with `advanced` serialization makes, too. */
import { MessageChannel, type MessagePort } from 'node:worker_threads'
import { Batch, eachMessage, type Line } from '../line.ts'

/** Returns the two ends of a line, and what closes it as the end of a process does: what is under way is lost. */
export function portLine(): { readonly ends: readonly [Line, Line]; readonly cut: () => void } {
  const { port1, port2 } = new MessageChannel()
  let isCut = false
  const lineOf = (port: MessagePort): Line => {
    const batch = new Batch((messages) => isCut || port.postMessage(messages))
    return {
      send: (message) => batch.add(message),
      listen(onMessage, onClose) {
        port.on('message', (messages) => isCut || eachMessage(messages, onMessage))
        port.on('close', onClose)
      },
    }
  }
  const cut = (): void => {
    isCut = true
    port1.close()
  }
  return { ends: [lineOf(port1), lineOf(port2)], cut }
}
