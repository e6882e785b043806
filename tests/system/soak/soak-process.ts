/** One process of the agent program: sends it commands, reads its output, and kills it. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { type AgentCommand, type AgentLine, type AgentSetup, agentLaunch } from '../lab/agent.ts'

type Unnumbered<T> = T extends AgentCommand ? Omit<T, 'id'> : never

export class SoakProcess {
  readonly #child: ChildProcess
  /** Resolves once it takes commands, or has ended. */
  readonly ready: Promise<void>
  /** Resolves once its interrupted sessions are at work again, or it has ended. */
  readonly resumed: Promise<void>
  readonly ended: Promise<void>
  readonly #answers = new Map<string, (line: AgentLine | undefined) => void>()
  #hasEnded = false
  #errors = ''

  constructor(setup: AgentSetup, environment: Readonly<Record<string, string>>, hear: (line: AgentLine) => void) {
    const { args, env } = agentLaunch(setup, environment)
    const child = spawn(process.execPath, ['--expose-gc', ...args], { stdio: ['pipe', 'pipe', 'pipe'], env })
    this.#child = child
    const ready = Promise.withResolvers<void>()
    const resumed = Promise.withResolvers<void>()
    child.stderr.on('data', (chunk: Buffer) => {
      this.#errors = (this.#errors + chunk.toString()).slice(-4_000)
    })
    child.stdin.on('error', () => {})
    const reader = createInterface({ input: child.stdout })
    reader.on('line', (text) => {
      const line = JSON.parse(text) as AgentLine
      hear(line)
      if (line.ready !== undefined) ready.resolve()
      if (line.resumed !== undefined) resumed.resolve()
      if (line.id !== undefined && line.event === undefined && (line.receipt === undefined || line.session === undefined))
        this.#answer(line.id, line)
    })
    this.ready = ready.promise
    this.resumed = resumed.promise
    this.ended = Promise.all([once(child, 'exit'), once(reader, 'close')]).then(() => {
      this.#hasEnded = true
      ready.resolve()
      resumed.resolve()
      for (const id of [...this.#answers.keys()]) this.#answer(id, undefined)
    })
  }

  /** Its standard error, for messages of failures. */
  get errors(): string {
    return this.#errors
  }

  get hasEnded(): boolean {
    return this.#hasEnded
  }

  /** Resolves with the answer; undefined when the process ends without one. */
  ask(id: string, command: Unnumbered<AgentCommand>): Promise<AgentLine | undefined> {
    if (this.#hasEnded) return Promise.resolve(undefined)
    const answer = Promise.withResolvers<AgentLine | undefined>()
    this.#answers.set(id, answer.resolve)
    this.#child.stdin?.write(`${JSON.stringify({ id, ...command })}\n`)
    return answer.promise
  }

  signal(name: NodeJS.Signals): void {
    if (!this.#hasEnded) this.#child.kill(name)
  }

  /** Ends it as a crash does. */
  async kill(): Promise<void> {
    this.signal('SIGKILL')
    await this.ended
  }

  #answer(id: string, line: AgentLine | undefined): void {
    this.#answers.get(id)?.(line)
    this.#answers.delete(id)
  }
}
