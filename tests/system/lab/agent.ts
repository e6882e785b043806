/** Starts the agent program (agent-process.ts), talks to it, and kills it. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { QueueMode, RunEvent, SendReceipt, SessionInspection } from '@beamclaw/core'

/** The arguments of the program. */
export interface AgentSetup {
  /** The model server's `baseUrl`. */
  readonly modelUrl: string
  readonly data: string
  /** The file where tools leave their trace. */
  readonly effects: string
  /** More options of the provider. */
  readonly provider?: { readonly idleTimeoutMs?: number }
  readonly sessions?: { readonly passivateAfterMs?: number }
  /** More options of the store. */
  readonly store?: { readonly lockLeaseMs?: number; readonly lockWaitMs?: number }
}

/** The resources that the program uses. */
export interface AgentVitals {
  readonly heapMegabytes: number
  /** Files, sockets and the like that are open. */
  readonly descriptors: number
  /** Timers, requests and the like that are under way. */
  readonly resources: number
}

/** A line of its standard input. */
export type AgentCommand = { readonly id: string } & (
  | { readonly do: 'send'; readonly session: string; readonly text: string; readonly key?: string; readonly queueMode?: QueueMode }
  | { readonly do: 'abort'; readonly session: string; readonly key?: string }
  | { readonly do: 'inspect'; readonly session: string }
  | { readonly do: 'vitals' }
  | { readonly do: 'release' }
  | { readonly do: 'stop' }
)

/** A line of its standard output; `id` is that of the command it answers. */
export interface AgentLine {
  readonly id?: string
  /** With a receipt: whose. */
  readonly session?: string
  /** Its process id. */
  readonly ready?: number
  readonly resumed?: number
  readonly log?: string
  readonly error?: string
  readonly receipt?: SendReceipt
  readonly event?: RunEvent
  readonly result?: { readonly text: string }
  readonly inspection?: SessionInspection
  readonly vitals?: AgentVitals
  readonly refused?: { readonly code: string; readonly message: string; readonly isRetryable?: boolean }
}

// Compiled once, not once for each process: that is half of the time that one takes to be ready.
const compiled = fileURLToPath(new URL('../node_modules/.cache/beamclaw', import.meta.url))
const program = fileURLToPath(new URL('./agent-process.ts', import.meta.url))
const killSwitch = new URL('./kill-switch.ts', import.meta.url).href

/** Node's arguments for the agent program, and its environment: BEAMCLAW_FAULT names the point at which it kills itself. */
export function agentLaunch(
  setup: AgentSetup,
  environment: Readonly<Record<string, string>>,
): { readonly args: readonly string[]; readonly env: Readonly<Record<string, string>> } {
  return {
    args: ['--conditions=beamclaw:source', '--import', killSwitch, program, JSON.stringify(setup)],
    env: { PATH: process.env.PATH ?? '', NODE_COMPILE_CACHE: compiled, ...environment },
  }
}

export class AgentProcess implements AsyncDisposable {
  readonly child: ChildProcess
  readonly lines: AgentLine[] = []
  /** Resolves with the exit code, or the signal that ended it, once its last line is read. */
  readonly ended: Promise<number | NodeJS.Signals>
  #errors = ''
  #hasEnded = false
  readonly #isContained: boolean
  readonly #waiting = new Set<() => void>()
  #commands = 0

  /** @param wrapper a program and its arguments that is to start the agent, such as `strace` */
  constructor(setup: AgentSetup, environment: Readonly<Record<string, string>> = {}, wrapper: readonly string[] = []) {
    const { args, env } = agentLaunch(setup, environment)
    const [command = process.execPath, ...rest] = [...wrapper, process.execPath, ...args]
    const child = spawn(command, rest, { stdio: ['pipe', 'pipe', 'pipe'], env })
    this.child = child
    this.#isContained = wrapper.includes('--pid')
    child.stderr.on('data', (chunk: Buffer) => {
      this.#errors += chunk.toString()
    })
    // A command may meet a process that is dying: that it was not heard shows in what is missing.
    child.stdin.on('error', () => {})
    const reader = createInterface({ input: child.stdout })
    reader.on('line', (line) => {
      this.lines.push(JSON.parse(line) as AgentLine)
      this.#wake()
    })
    this.ended = Promise.all([once(child, 'exit'), once(reader, 'close')]).then(([[code, signal]]) => {
      this.#hasEnded = true
      this.#wake()
      return (code ?? signal) as number | NodeJS.Signals
    })
  }

  /** Resolves with the first line that fits. Rejects, with all it said, when the process ends without one. */
  async line(fits: (line: AgentLine) => boolean): Promise<AgentLine> {
    for (;;) {
      const found = this.lines.find(fits)
      if (found !== undefined) return found
      if (this.#hasEnded) throw new Error(`The agent ended:\n${this.lines.map((line) => JSON.stringify(line)).join('\n')}\n${this.#errors}`)
      await new Promise<void>((resolve) => this.#waiting.add(resolve))
    }
  }

  async ready(): Promise<this> {
    await this.line(({ ready }) => ready !== undefined)
    return this
  }

  /** Sends a message; returns the command's id, which its output lines carry. */
  send(text: string, options: { readonly session?: string; readonly key?: string; readonly queueMode?: QueueMode } = {}): string {
    const { session = 'agent:main:first', ...rest } = options
    return this.#say({ do: 'send', session, text, ...rest })
  }

  /** Resolves with the answer to a message, or its refusal. */
  answer(id: string): Promise<AgentLine> {
    return this.line((line) => line.id === id && (line.result !== undefined || line.refused !== undefined))
  }

  /** Sends a message and resolves with its answer. */
  ask(text: string, options?: Parameters<AgentProcess['send']>[1]): Promise<AgentLine> {
    return this.answer(this.send(text, options))
  }

  async inspect(session = 'agent:main:first'): Promise<SessionInspection> {
    const id = this.#say({ do: 'inspect', session })
    const { inspection, refused } = await this.line((line) => line.id === id)
    if (inspection === undefined) throw new Error(refused?.message)
    return inspection
  }

  /** Ends a run, and does not wait for it. */
  abort(session: string, key: string): void {
    this.#say({ do: 'abort', session, key })
  }

  /** Lets the tool `slow` end. */
  release(): void {
    this.#say({ do: 'release' })
  }

  /** The receipts that a session gave. */
  receipts(key = 'agent:main:first'): readonly SendReceipt[] {
    return this.lines.flatMap(({ receipt, session }) => (receipt === undefined || session !== key ? [] : [receipt]))
  }

  /** As a person does it: resolves once it has stopped in good order. */
  async stop(): Promise<void> {
    this.#say({ do: 'stop' })
    await this.ended
  }

  /** As a crash does it: no handler runs. */
  async kill(): Promise<void> {
    // A wrapper ends with what it wraps, and not the other way round.
    const own = this.lines.find(({ ready }) => ready !== undefined)?.ready
    // In a container its pid is another process here, and the container ends with its first process.
    if (!this.#hasEnded && own !== undefined && !this.#isContained) killIfThere(own)
    else this.child.kill('SIGKILL')
    await this.ended
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.kill()
  }

  #wake(): void {
    for (const resolve of this.#waiting) resolve()
    this.#waiting.clear()
  }

  #say(command: AgentCommand extends infer C ? (C extends AgentCommand ? Omit<C, 'id'> : never) : never): string {
    const id = `command-${++this.#commands}`
    this.child.stdin?.write(`${JSON.stringify({ id, ...command })}\n`)
    return id
  }
}

function killIfThere(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // It was faster.
  }
}
