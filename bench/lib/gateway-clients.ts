/** WebSocket clients in a process of their own, so that their work does not count as the gateway's. */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { WebSocket } from 'ws'

/** Options of the clients. `until` ends the count: a piece of text that the last message of each client holds. */
interface Order {
  readonly url: string
  readonly clients: number
  readonly until: string
  /** A session to subscribe to; without one, the clients only listen. */
  readonly sessionKey?: string
}

type Report = { readonly type: 'ready' } | { readonly type: 'done'; readonly messages: number }

/** Connects that are under way at the same time; a gateway takes only so many that have not said who they are. */
const atOnce = 16

export class ClientProcess implements AsyncDisposable {
  readonly #child: ChildProcess
  readonly #done: Promise<number>

  private constructor(child: ChildProcess, done: Promise<number>) {
    this.#child = child
    this.#done = done
  }

  /** Resolves once all of them are connected. */
  static async start(order: Order): Promise<ClientProcess> {
    const child = fork(fileURLToPath(import.meta.url), ['serve'], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'], execArgv: [] })
    const ready = Promise.withResolvers<void>()
    const done = Promise.withResolvers<number>()
    child.on('message', (report: Report) => (report.type === 'ready' ? ready.resolve() : done.resolve(report.messages)))
    child.on('exit', (code) => ready.reject(new Error(`the clients ended with ${code}`)))
    child.send(order)
    await ready.promise
    return new ClientProcess(child, done.promise)
  }

  /** Resolves with the number of messages, once every client has heard the last one. */
  get done(): Promise<number> {
    return this.#done
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode !== null) return
    this.#child.kill('SIGKILL')
    await once(this.#child, 'exit')
  }
}

/** One client that has been let in, and has subscribed where it is to. */
export async function connectedClient(url: string, sessionKey?: string): Promise<WebSocket> {
  const ws = new WebSocket(url.replace(/^http/, 'ws'))
  const answers = { next: Promise.withResolvers<void>() }
  const hear = (data: unknown): void => {
    const frame = JSON.parse(String(data)) as { readonly type: string; readonly event?: string; readonly ok?: boolean }
    if (frame.event === 'connect.challenge' || frame.type === 'res') answers.next.resolve()
  }
  const step = async (frame?: object): Promise<void> => {
    if (frame !== undefined) ws.send(JSON.stringify(frame))
    await answers.next.promise
    answers.next = Promise.withResolvers()
  }
  ws.on('message', hear)
  await step()
  const client = { id: 'test', version: '1', platform: 'bench', mode: 'test' }
  await step({ type: 'req', id: '1', method: 'connect', params: { minProtocol: 4, maxProtocol: 4, client, scopes: ['operator.read'] } })
  if (sessionKey !== undefined) await step({ type: 'req', id: '2', method: 'sessions.subscribe', params: { sessionKey } })
  ws.off('message', hear)
  return ws
}

async function plainClient(url: string): Promise<WebSocket> {
  const ws = new WebSocket(url.replace(/^http/, 'ws'))
  await once(ws, 'open')
  return ws
}

async function serve({ url, clients, until, sessionKey }: Order): Promise<void> {
  let messages = 0
  let left = clients
  for (let first = 0; first < clients; first += atOnce) {
    const count = Math.min(atOnce, clients - first)
    const batch = await Promise.all(
      Array.from({ length: count }, () => (sessionKey === undefined ? plainClient(url) : connectedClient(url, sessionKey))),
    )
    for (const ws of batch) {
      ws.on('message', (data: Buffer) => {
        messages++
        if (data.includes(until) && --left === 0) process.send?.({ type: 'done', messages } satisfies Report)
      })
    }
  }
  process.send?.({ type: 'ready' } satisfies Report)
}

if (process.argv[2] === 'serve') {
  process.once('message', (order) => void serve(order as Order))
  process.once('disconnect', () => process.exit(0))
}
