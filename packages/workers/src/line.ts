/** The line between the parent and a worker: messages in order, many in one batch. */
import type { ChildProcess } from 'node:child_process'

/** One end of a line. */
export interface Line {
  /** Sends a message; nothing happens once the line is closed. Never throws. */
  send(message: object): void
  /** Calls back with what the other end sends, and once when the line has closed. */
  listen(onMessage: (message: unknown) => void, onClose: () => void): void
}

/** Collects what is sent in one turn of the event loop: each batch costs a system call, and a switch of processes. */
export class Batch {
  readonly #write: (messages: readonly object[]) => void
  #waiting: object[] = []

  constructor(write: (messages: readonly object[]) => void) {
    this.#write = write
  }

  add(message: object): void {
    if (this.#waiting.push(message) > 1) return
    queueMicrotask(() => {
      const messages = this.#waiting
      this.#waiting = []
      this.#write(messages)
    })
  }
}

/** Calls back with each message of a batch; what is no batch may be forged, and is one message that no reader understands. */
export function eachMessage(batch: unknown, onMessage: (message: unknown) => void): void {
  if (Array.isArray(batch)) for (const message of batch as unknown[]) onMessage(message)
  else onMessage(batch)
}

/** What `process` and a `ChildProcess` have in common. */
type IpcEnd = Pick<ChildProcess, 'connected' | 'send' | 'on'>

/** Returns the line over the IPC channel of a process. */
export function ipcLine(end: IpcEnd): Line {
  const batch = new Batch((messages) => {
    // A send that fails belongs to a process that is ending: its exit is told by other means.
    if (end.connected) end.send([...messages], undefined, undefined, () => {})
  })
  return {
    send: (message) => batch.add(message),
    listen(onMessage, onClose) {
      end.on('message', (messages) => eachMessage(messages, onMessage))
      end.on('disconnect', onClose)
    },
  }
}
