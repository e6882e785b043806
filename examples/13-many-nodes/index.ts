/** Three nodes over one Redis: a message enters at a node that does not have the conversation, and the one that has it is killed in the middle of the answer. */
import { type ChildProcess, fork, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { Question } from './node.ts'

const program = fileURLToPath(new URL('node.ts', import.meta.url))

/** A node in a process of its own. */
class Node {
  readonly id: string
  readonly ready: Promise<unknown>
  readonly #process: ChildProcess
  readonly #open = new Map<number, (reply: { readonly value?: unknown; readonly error?: string }) => void>()
  #lastId = 0

  constructor(id: string, url: string) {
    this.id = id
    this.#process = fork(program, [url, id], { execArgv: process.execArgv, stdio: ['ignore', 'inherit', 'ignore', 'ipc'] })
    this.ready = new Promise((resolve) => this.#open.set(0, resolve))
    this.#process.on('message', (reply: { readonly id: number }) => this.#open.get(reply.id)?.(reply))
  }

  async ask<T>(what: Question['what'], text?: string): Promise<T> {
    const id = ++this.#lastId
    const reply = new Promise<{ readonly value?: unknown; readonly error?: string }>((resolve) => this.#open.set(id, resolve))
    this.#process.send({ id, what, ...(text === undefined ? {} : { text }) } satisfies Question)
    const { value, error } = await reply
    if (error !== undefined) throw new Error(error)
    return value as T
  }

  async kill(): Promise<void> {
    this.#process.kill('SIGKILL')
    await once(this.#process, 'exit')
  }
}

async function startRedis(folder: string): Promise<ChildProcess> {
  const socket = join(folder, 'redis.sock')
  const server = spawn('redis-server', ['--port', '0', '--unixsocket', socket, '--dir', folder, '--appendonly', 'yes', '--appendfsync', 'always'], {
    stdio: 'ignore',
  })
  await once(server, 'spawn').catch(() => {
    throw new Error('There is no redis-server here: install it (apt install redis-server, brew install redis), or give REDIS_URL')
  })
  while (!existsSync(socket)) await sleep(20)
  return server
}

const folder = mkdtempSync(join(tmpdir(), 'beamclaw-example-'))
const redis = process.env.REDIS_URL === undefined ? await startRedis(folder) : undefined
const url = process.env.REDIS_URL ?? `unix://${join(folder, 'redis.sock')}`
const nodes = ['node-1', 'node-2', 'node-3'].map((id) => new Node(id, url))
try {
  await Promise.all(nodes.map(({ ready }) => ready))
  console.log('three nodes over one Redis')
  const [first] = nodes as [Node]
  await first.ask('send', 'hello')
  const ownerId = await first.ask<string>('owner')
  const owner = nodes.find(({ id }) => id === ownerId) as Node
  const [asker, other] = nodes.filter((node) => node !== owner) as [Node, Node]

  const answer = asker.ask<string>('send', 'help')
  await sleep(400)
  await owner.kill()
  console.log('the node that has the conversation is killed, in the middle of an answer')
  console.log(`another node goes on: ${(await answer).split('\n')[0]}`)
  console.log(`and the third one reads ${await other.ask<number>('length')} messages: two questions, two answers`)
} finally {
  await Promise.all(nodes.map((node) => node.kill().catch(() => {})))
  redis?.kill()
  rmSync(folder, { recursive: true, force: true })
}
