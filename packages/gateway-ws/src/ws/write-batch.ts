/** Merges the writes to a socket within one tick into one packet. */
import type { Socket } from 'node:net'

export class WriteBatch {
  #sockets: Socket[] = []

  /** Corks the socket until this tick is over. */
  add(socket: Socket): void {
    if (this.#sockets.length === 0) process.nextTick(() => this.#flush())
    socket.cork()
    this.#sockets.push(socket)
  }

  #flush(): void {
    const sockets = this.#sockets
    this.#sockets = []
    for (const socket of sockets) socket.uncork()
  }
}
