/** Up to thousands of clients in a process of their own, which reconnect all at once on command. */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { ReturningClient } from './returning-client.ts'

export interface CrowdOptions {
  readonly url: string
  /** Gateways to which clients turn once theirs is gone; each begins with another one. @default [] */
  readonly others?: readonly string[]
  readonly token?: string
  readonly clients: number
  /** Sessions, one for each client in turn. */
  readonly sessions: readonly string[]
  /** Local addresses, one for each client in turn, for example others of loopback than 127.0.0.1. */
  readonly addresses?: readonly string[]
}

type Order =
  | { readonly do: 'set-up'; readonly crowd: CrowdOptions }
  | { readonly do: 'enter' }
  | { readonly do: 'cut-off' }
  | { readonly do: 'leave' }
  | { readonly do: 'hear-all'; readonly runIds: readonly string[]; readonly withinMs: number }

export interface CrowdReport {
  /** Milliseconds until `hello-ok`, one for each client. */
  readonly entered: readonly number[]
  readonly refusals: number
  readonly failures: number
  readonly problems: readonly string[]
}

export class ReturningClients {
  readonly #child: ChildProcess

  /** @param wrapper a command that starts the process, such as `ip netns exec far`. */
  constructor(crowd: CrowdOptions, wrapper: readonly string[] = []) {
    const [execPath = '', ...execArgv] = [...wrapper, process.execPath, '--conditions=beamclaw:source']
    this.#child = fork(fileURLToPath(import.meta.url), ['serve'], { execPath, execArgv, stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
    this.#child.send({ do: 'set-up', crowd } satisfies Order)
  }

  /** Connects every client. Resolves once all are connected and have caught up. */
  enter(): Promise<CrowdReport> {
    return this.#do({ do: 'enter' })
  }

  /** Drops every connection, as a client does that has missed ticks for too long. */
  leave(): Promise<CrowdReport> {
    return this.#do({ do: 'leave' })
  }

  /** Resolves once every client knows that its gateway is gone. */
  cutOff(): Promise<CrowdReport> {
    return this.#do({ do: 'cut-off' })
  }

  /** Resolves once every client has received each run's end, or the time is over. */
  hearAll(runIds: readonly string[], withinMs: number): Promise<CrowdReport> {
    return this.#do({ do: 'hear-all', runIds, withinMs })
  }

  async end(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    this.#child.kill('SIGKILL')
    await once(this.#child, 'exit')
  }

  async #do(order: Order): Promise<CrowdReport> {
    const ended = new AbortController()
    try {
      const answer = once(this.#child, 'message', { signal: ended.signal }).then(([report]) => report as CrowdReport)
      const exit = once(this.#child, 'exit', { signal: ended.signal }).then(([code]): never => {
        throw new Error(`the clients ended with ${code}`)
      })
      answer.catch(() => {})
      exit.catch(() => {})
      this.#child.send(order)
      return await Promise.race([answer, exit])
    } finally {
      ended.abort()
    }
  }
}

function clientsOf({ url, others = [], token, clients, sessions, addresses = [] }: CrowdOptions): readonly ReturningClient[] {
  return Array.from({ length: clients }, (_, index) => {
    const sessionKey = sessions[index % sessions.length] ?? ''
    const localAddress = addresses[index % addresses.length]
    const from = others.length === 0 ? 0 : index % others.length
    return new ReturningClient({
      url,
      others: [...others.slice(from), ...others.slice(0, from)],
      sessionKey,
      ...(token === undefined ? {} : { token }),
      ...(localAddress === undefined ? {} : { localAddress }),
    })
  })
}

async function follow(order: Exclude<Order, { readonly do: 'set-up' }>, all: readonly ReturningClient[]): Promise<CrowdReport> {
  const entered: number[] = []
  const problems: string[] = []
  if (order.do === 'enter') entered.push(...(await Promise.all(all.map((client) => client.enter()))))
  if (order.do === 'leave') for (const client of all) client.leave()
  if (order.do === 'cut-off') await Promise.all(all.map((client) => client.cutOff()))
  if (order.do === 'hear-all') {
    const late = new Promise<'late'>((resolve) => setTimeout(resolve, order.withinMs, 'late').unref())
    if ((await Promise.race([Promise.all(all.map((client) => client.heardAll(order.runIds))), late])) === 'late') {
      for (const client of all) {
        const missing = client.missing(order.runIds)
        if (missing.length > 0) problems.push(`a client never heard of the end of ${missing.join()}`)
      }
      if (problems.length === 0) problems.push('the clients did not get their histories in time')
    }
  }
  const sum = (count: (client: ReturningClient) => number): number => all.reduce((total, client) => total + count(client), 0)
  return {
    entered,
    refusals: sum(({ refusals }) => refusals),
    failures: sum(({ failures }) => failures),
    problems: [...problems, ...all.flatMap((client) => client.problems)],
  }
}

if (process.argv[2] === 'serve') {
  let all: readonly ReturningClient[] = []
  process.on('message', async (order: Order) => {
    if (order.do === 'set-up') all = clientsOf(order.crowd)
    else process.send?.(await follow(order, all))
  })
  process.once('disconnect', () => process.exit(0))
}
