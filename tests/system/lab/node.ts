/** Starts the program of a node (node-process.ts), talks to it, and does to it what happens to processes. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { QueueMode, RunEvent, SendReceipt } from '@beamclaw/core'

/** The arguments of the program. */
export interface NodeSetup {
  readonly id: string
  /** The address of Redis, through the node's proxy. */
  readonly url: string
  /** The model server's `baseUrl`. */
  readonly modelUrl: string
  /** The file where tools leave their trace. */
  readonly effects: string
  readonly cluster?: { readonly heartbeatMs?: number; readonly ttlMs?: number }
  readonly store?: { readonly deadlineMs?: number; readonly storeId?: string }
  readonly sessions?: { readonly passivateAfterMs?: number }
  /** Milliseconds by which its machine's clock is wrong. */
  readonly clockErrorMs?: number
  /** The next version reads and writes a format of records that this one does not know. @default false */
  readonly isNextVersion?: boolean
}

/** A line of its standard input. */
export type NodeCommand =
  | { readonly do: 'send'; readonly session: string; readonly text: string; readonly key: string; readonly queueMode?: QueueMode }
  | { readonly do: 'follow'; readonly session: string }
  | { readonly do: 'approvals' }
  | { readonly do: 'decide'; readonly approval: string; readonly isApproved: boolean }
  | { readonly do: 'owner'; readonly session: string }
  | { readonly do: 'look' }
  | { readonly do: 'drain'; readonly stepMs?: number }
  | { readonly do: 'release' }
  | { readonly do: 'block'; readonly ms: number }
  | { readonly do: 'stop' }

/** What a node says of itself. */
export interface NodeLook {
  readonly phase: string
  readonly isRunning: boolean
  readonly incarnation: string
  readonly members: readonly { readonly id: string; readonly incarnation: string; readonly state: string }[]
  readonly sessions: number
  /** Restarts of all children of its tree. */
  readonly restarts: number
}

/** A durable event that a subscriber heard. */
export interface HeardEvent {
  readonly seq: number
  readonly type: RunEvent['type']
  readonly runId: string
}

/** A line of its standard output; `id` is that of the command it replies to. */
export interface NodeLine {
  readonly id?: string
  readonly ready?: number
  readonly log?: string
  readonly level?: string
  readonly fields?: object
  readonly receipt?: SendReceipt
  readonly text?: string
  readonly heard?: HeardEvent
  readonly gone?: string
  readonly approvals?: readonly { readonly id: string; readonly sessionKey: string }[]
  readonly owner?: string
  readonly look?: NodeLook
  readonly refused?: { readonly code: string; readonly message: string }
  /** Its tree has ended. */
  readonly ended?: true
}

/** A message on its way. A rejection that no test waits for is no failure. */
export interface SentMessage {
  readonly accepted: Promise<SendReceipt>
  readonly answer: Promise<string>
}

/** A refusal, as the node typed it; `node-died` when it ended before it replied. */
export class Refusal extends Error {
  readonly code: string

  constructor({ code, message }: { readonly code: string; readonly message: string }) {
    super(`${code}: ${message}`)
    this.code = code
  }
}

const compiled = fileURLToPath(new URL('../node_modules/.cache/beamclaw', import.meta.url))
const nextVersion = new URL('./next-version.ts', import.meta.url).href
const program = fileURLToPath(new URL('./node-process.ts', import.meta.url))

/** One life of a node. Owns its process. */
export class NodeProcess implements AsyncDisposable {
  readonly id: string
  readonly receipts: { readonly session: string; readonly receipt: SendReceipt }[] = []
  /** What its subscribers heard, by session. */
  readonly heard = new Map<string, HeardEvent[]>()
  /** Why a subscription of it has ended, by session. */
  readonly ends = new Map<string, string>()
  /** Its log lines, and what else answers no command. */
  readonly lines: NodeLine[] = []
  /** Resolves with the exit code, or the signal that ended it, once its last line is read. */
  readonly ended: Promise<number | NodeJS.Signals>
  readonly #child: ChildProcess
  readonly #replies = new Map<string, (line: NodeLine) => void>()
  readonly #waiting = new Set<() => void>()
  #errors = ''
  #isOver = false
  #commands = 0

  constructor(setup: NodeSetup) {
    this.id = setup.id
    const preload = setup.isNextVersion === true ? [`--import=${nextVersion}`] : []
    const child = spawn(process.execPath, ['--conditions=beamclaw:source', ...preload, program, JSON.stringify(setup)], {
      stdio: ['pipe', 'pipe', 'pipe'],
      env: { PATH: process.env.PATH ?? '', NODE_COMPILE_CACHE: compiled },
    })
    this.#child = child
    child.stderr.on('data', (chunk: Buffer) => {
      this.#errors += chunk.toString()
    })
    // A command may meet a process that is dying: that it was not heard shows in what is missing.
    child.stdin.on('error', () => {})
    const reader = createInterface({ input: child.stdout })
    reader.on('line', (line) => this.#hear(JSON.parse(line) as NodeLine))
    this.ended = Promise.all([once(child, 'exit'), once(reader, 'close')]).then(([[code, signal]]) => {
      this.#isOver = true
      for (const reply of this.#replies.values()) reply({ refused: { code: 'node-died', message: this.#errors.slice(-2_000) } })
      this.#replies.clear()
      this.#wake()
      return (code ?? signal) as number | NodeJS.Signals
    })
  }

  get isOver(): boolean {
    return this.#isOver
  }

  /** Resolves with the first line without a command that fits. Rejects, with all such lines, when the process ends without one. */
  async line(fits: (line: NodeLine) => boolean): Promise<NodeLine> {
    for (;;) {
      const found = this.lines.find(fits)
      if (found !== undefined) return found
      if (this.#isOver) throw new Error(`${this.id} ended:\n${this.lines.map((line) => JSON.stringify(line)).join('\n')}\n${this.#errors}`)
      await new Promise<void>((resolve) => this.#waiting.add(resolve))
    }
  }

  async ready(): Promise<this> {
    await this.line(({ ready }) => ready !== undefined)
    return this
  }

  send(session: string, text: string, key = text.replaceAll(/\W+/g, '-'), queueMode: QueueMode = 'queue'): SentMessage {
    const accepted = Promise.withResolvers<SendReceipt>()
    const answer = Promise.withResolvers<string>()
    for (const { promise } of [accepted, answer]) promise.catch(() => {})
    this.#say({ do: 'send', session, text, key, queueMode }, (line) => {
      if (line.receipt !== undefined) {
        this.receipts.push({ session, receipt: line.receipt })
        accepted.resolve(line.receipt)
        return false
      }
      if (line.text !== undefined) answer.resolve(line.text)
      else {
        const refusal = new Refusal(line.refused ?? { code: 'lab', message: 'no text' })
        accepted.reject(refusal)
        answer.reject(refusal)
      }
      return true
    })
    return { accepted: accepted.promise, answer: answer.promise }
  }

  /** Keeps what a subscriber of the session hears at this node. */
  follow(session: string): void {
    const heard: HeardEvent[] = []
    this.heard.set(session, heard)
    this.#say({ do: 'follow', session }, (line) => {
      if (line.heard !== undefined) heard.push(line.heard)
      else this.ends.set(session, JSON.stringify(line))
      return line.heard === undefined
    })
  }

  async approvals(): Promise<readonly { readonly id: string; readonly sessionKey: string }[]> {
    return (await this.#ask({ do: 'approvals' })).approvals ?? []
  }

  async decide(approval: string, isApproved = true): Promise<void> {
    await this.#ask({ do: 'decide', approval, isApproved })
  }

  /** The id of the node that owns the session, as this one sees it. */
  async ownerOf(session: string): Promise<string> {
    return String((await this.#ask({ do: 'owner', session })).owner)
  }

  async look(): Promise<NodeLook> {
    return (await this.#ask({ do: 'look' })).look as NodeLook
  }

  async drain(stepMs?: number): Promise<void> {
    await this.#ask({ do: 'drain', ...(stepMs === undefined ? {} : { stepMs }) })
  }

  /** Lets the tool `slow` end. */
  async release(): Promise<void> {
    await this.#ask({ do: 'release' })
  }

  /** Keeps its event loop busy, as a tool does that computes. Resolves once it is free again. */
  async block(ms: number): Promise<void> {
    await this.#ask({ do: 'block', ms })
  }

  /** As a person does it: resolves once it has stopped in good order. */
  async stop(): Promise<number | NodeJS.Signals> {
    this.#say({ do: 'stop' }, () => true)
    return this.ended
  }

  /** As a crash does it: no handler runs. */
  async kill(): Promise<void> {
    this.#child.kill('SIGKILL')
    await this.ended
  }

  freeze(): void {
    this.#child.kill('SIGSTOP')
  }

  thaw(): void {
    this.#child.kill('SIGCONT')
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.kill()
  }

  #ask(command: NodeCommand): Promise<NodeLine> {
    return new Promise((resolve, reject) => {
      this.#say(command, (line) => {
        if (line.refused === undefined) resolve(line)
        else reject(new Refusal(line.refused))
        return true
      })
    })
  }

  /** @param hear returns true for the last line of the reply. */
  #say(command: NodeCommand, hear: (line: NodeLine) => boolean): void {
    if (this.#isOver) return void hear({ refused: { code: 'node-died', message: `${this.id} has ended` } })
    const id = `${++this.#commands}`
    this.#replies.set(id, (line) => {
      if (hear(line)) this.#replies.delete(id)
    })
    this.#child.stdin?.write(`${JSON.stringify({ id, ...command })}\n`)
  }

  #hear(line: NodeLine): void {
    if (line.id !== undefined) return this.#replies.get(line.id)?.(line)
    this.lines.push(line)
    this.#wake()
  }

  #wake(): void {
    for (const resolve of this.#waiting) resolve()
    this.#waiting.clear()
  }
}
