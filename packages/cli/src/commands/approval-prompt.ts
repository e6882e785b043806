/** Asks the person at the terminal about calls of a run that wait for approval; elsewhere it says how to decide. */
import { createInterface, type Interface } from 'node:readline/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { type EventFrame, type PendingApproval, pendingApproval, resolvedApproval } from '@beamclaw/protocol'
import type { GatewayClient } from '../client/gateway-client.ts'
import { coloured, say, sayJson } from '../output.ts'
import { decide, sayApproval } from './approvals.ts'

export interface ApprovalPromptOptions {
  readonly runId: string
  readonly isJson: boolean
  /** Called before something is printed. */
  readonly beforeText: () => void
}

const question = 'Let it run? [y]es, [a]lways for this agent, [n]o: '

/** Phases: `idle ⇄ asking → disposed`. One question at a time; a request that is decided elsewhere takes its question back. */
export class ApprovalPrompt implements Disposable {
  readonly #client: GatewayClient
  readonly #options: ApprovalPromptOptions
  readonly #waiting: PendingApproval[] = []
  readonly #stop: () => void
  #asking: { readonly id: string; readonly reading: AbortController; isAnswered: boolean } | undefined
  #lines: Interface | undefined

  constructor(client: GatewayClient, options: ApprovalPromptOptions) {
    this.#client = client
    this.#options = options
    this.#stop = client.onEvent((event) => this.#hear(event))
  }

  [Symbol.dispose](): void {
    this.#stop()
    this.#waiting.length = 0
    this.#asking?.reading.abort()
    this.#lines?.close()
  }

  #hear({ event, payload }: EventFrame): void {
    if (event === 'exec.approval.requested') {
      const asked = pendingApproval.safeParse(payload).data
      if (asked?.request.runId === this.#options.runId) this.#take(asked)
    }
    if (event === 'exec.approval.resolved') {
      const resolved = resolvedApproval.safeParse(payload).data
      if (resolved !== undefined) this.#forget(resolved.id, resolved.outcome)
    }
  }

  #take(asked: PendingApproval): void {
    if (this.#options.isJson) return sayJson({ type: 'approval', ...asked })
    this.#waiting.push(asked)
    void this.#next()
  }

  #forget(id: string, outcome: string): void {
    const index = this.#waiting.findIndex((one) => one.id === id)
    if (index >= 0) this.#waiting.splice(index, 1)
    if (this.#asking?.id !== id || this.#asking.isAnswered) return
    this.#asking.reading.abort()
    say(`\n${coloured('dim', `[${outcome}, not here]`)}`)
  }

  async #next(): Promise<void> {
    if (this.#asking !== undefined) return
    const asked = this.#waiting.shift()
    if (asked === undefined) return
    this.#options.beforeText()
    sayApproval(asked)
    if (!process.stdin.isTTY) {
      say(`Decide with: beamclaw approvals approve ${asked.id}, or deny`)
      return this.#next()
    }
    const reading = new AbortController()
    this.#asking = { id: asked.id, reading, isAnswered: false }
    try {
      await dropTyped(reading.signal)
      await this.#ask(asked, reading.signal)
    } catch (error) {
      // Decided elsewhere, or the run is over.
      if (!reading.signal.aborted) say(coloured('dim', `[${error instanceof Error ? error.message : String(error)}]`))
    } finally {
      this.#asking = undefined
    }
    await this.#next()
  }

  async #ask({ id, request }: PendingApproval, signal: AbortSignal): Promise<void> {
    this.#lines ??= createInterface({ input: process.stdin, output: process.stdout })
    // While it reads a line, the terminal's Ctrl-C comes here: it aborts the run, as it does elsewhere.
    this.#lines.once('SIGINT', () => void process.emit('SIGINT'))
    const mayRemember = request.allowedDecisions.includes('allow-always')
    const answer = (await this.#lines.question(mayRemember ? question : 'Let it run? [y]es, [n]o: ', { signal })).trim().toLowerCase()
    this.#lines.close()
    this.#lines = undefined
    if (this.#asking !== undefined) this.#asking.isAnswered = true
    if (/^y(es)?$/.test(answer)) await decide(this.#client, id, 'allow-once')
    else if (mayRemember && /^a(lways)?$/.test(answer)) await decide(this.#client, id, 'allow-always', { scope: 'agent' })
    // Anything else is no: a slip must let nothing run.
    else await decide(this.#client, id, 'deny')
  }
}

/** Milliseconds in which no person can have read a question. */
const unreadMs = 300

/** Reads and forgets what was typed before there was a question: it is no answer to one that was not seen. */
async function dropTyped(signal: AbortSignal): Promise<void> {
  const { stdin } = process
  const drop = (typed: Buffer): void => {
    // The terminal sends no signal meanwhile.
    if (typed.includes('\u0003')) process.emit('SIGINT')
  }
  stdin.setRawMode(true)
  stdin.on('data', drop)
  try {
    await sleep(unreadMs, undefined, { signal })
  } finally {
    stdin.off('data', drop)
    stdin.pause()
    stdin.setRawMode(false)
  }
}
