/** A node in a process of its own, as its parent asks it. */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { Question } from './node.ts'

const program = fileURLToPath(new URL('node.ts', import.meta.url))

interface Reply {
  readonly value?: unknown
  readonly error?: string
}

export class ChildNode {
  readonly id: string
  readonly ready: Promise<unknown>
  readonly #process: ChildProcess
  readonly #open = new Map<number, (reply: Reply) => void>()
  #lastId = 0

  constructor(id: string, url: string, prefix: string) {
    this.id = id
    this.#process = fork(program, [url, prefix, id], { execArgv: process.execArgv, stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
    this.ready = this.#reply(0)
    this.ready.catch(() => {})
    this.#process.on('message', (reply: Reply & { readonly id: number }) => this.#open.get(reply.id)?.(reply))
    this.#process.on('exit', () => {
      for (const answer of this.#open.values()) answer({ error: `${this.id} has ended` })
    })
  }

  async ask<T>(what: Question['what'], text?: string): Promise<T> {
    const id = ++this.#lastId
    const reply = this.#reply(id)
    this.#process.send({ id, what, ...(text === undefined ? {} : { text }) } satisfies Question)
    return (await reply) as T
  }

  async #reply(id: number): Promise<unknown> {
    const { value, error } = await new Promise<Reply>((resolve) => this.#open.set(id, resolve))
    if (error !== undefined) throw new Error(error)
    return value
  }

  async kill(): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return
    this.#process.kill('SIGKILL')
    await once(this.#process, 'exit')
  }
}
