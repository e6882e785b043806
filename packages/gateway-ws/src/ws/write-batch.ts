/** What is written to a socket within one tick leaves in one piece. */
import type { Socket } from 'node:net'

export class WriteBatch {
  #sockets: Socket[] = []

  /** Holds the socket's writes back until this tick is over. */
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
