/** A client of the gateway that asks one thing after the other. */
import { WebSocket } from 'ws'

interface Frame {
  readonly type: string
  readonly id?: string
  readonly event?: string
  readonly ok?: boolean
  readonly payload?: unknown
  readonly error?: { readonly code: string; readonly message: string }
}

export class Caller {
  readonly #socket: WebSocket
  #calls = 0

  private constructor(socket: WebSocket) {
    this.#socket = socket
  }

  /** Resolves once the gateway has let it in. */
  static async connect(url: string): Promise<Caller> {
    const socket = new WebSocket(url.replace(/^http/, 'ws'))
    const caller = new Caller(socket)
    await caller.#next((frame) => frame.event === 'connect.challenge')
    await caller.call('connect', {
      minProtocol: 4,
      maxProtocol: 4,
      client: { id: 'gateway-client', version: '0.0.0', platform: 'linux', mode: 'backend' },
      role: 'operator',
      scopes: ['operator.read', 'operator.write'],
    })
    return caller
  }

  /** Resolves with the payload of the answer. Rejects with its error. */
  async call(method: string, params: object): Promise<unknown> {
    const id = String(++this.#calls)
    const answered = this.#next((frame) => frame.type === 'res' && frame.id === id)
    this.#socket.send(JSON.stringify({ type: 'req', id, method, params }))
    const { ok, payload, error } = await answered
    if (ok === true) return payload
    throw new Error(`${method}: ${error?.code} ${error?.message}`)
  }

  end(): void {
    this.#socket.close()
  }

  #next(isWanted: (frame: Frame) => boolean): Promise<Frame> {
    return new Promise((resolve, reject) => {
      const hear = (data: unknown): void => {
        const frame = JSON.parse(String(data)) as Frame
        if (!isWanted(frame)) return
        this.#socket.off('message', hear)
        this.#socket.off('close', fail)
        this.#socket.off('error', reject)
        resolve(frame)
      }
      const fail = (): void => reject(new Error('the gateway closed the connection'))
      this.#socket.on('message', hear)
      this.#socket.once('close', fail)
      this.#socket.once('error', reject)
    })
  }
}
