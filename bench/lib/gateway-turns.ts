/** Chat completions from a process of its own, so that asking does not count as answering. */
import { fork } from 'node:child_process'
import { Agent, request as httpRequest } from 'node:http'
import { fileURLToPath } from 'node:url'
import { median } from './result.ts'

/** The load: number of turns, and how many at once. */
interface Order {
  readonly url: string
  readonly name: string
  readonly turns: number
  readonly atOnce: number
}

/** The result. */
export interface Turns {
  readonly p50: number
  readonly perSecond: number
}

/** Turns of one session; then the next one begins. */
const turnsOfSession = 10

/** Asks, and resolves with how long it took. */
export async function askTurns(order: Order): Promise<Turns> {
  const child = fork(fileURLToPath(import.meta.url), ['serve'], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'], execArgv: [] })
  try {
    child.send(order)
    return await new Promise<Turns>((resolve, reject) => {
      child.once('message', (turns) => resolve(turns as Turns))
      child.once('exit', (code) => reject(new Error(`the asking process ended with ${code}`)))
    })
  } finally {
    child.kill('SIGKILL')
  }
}

async function serve({ url, name, turns, atOnce }: Order): Promise<Turns> {
  const agent = new Agent({ keepAlive: true, maxSockets: atOnce })
  const times: number[] = []
  let next = 0
  const ask = async (worker: number): Promise<void> => {
    for (let index = next++; index < turns; index = next++) {
      const startedAt = performance.now()
      await turn(agent, url, `agent:main:${name}-${worker}-${Math.floor(index / atOnce / turnsOfSession)}`)
      times.push(performance.now() - startedAt)
    }
  }
  const startedAt = performance.now()
  await Promise.all(Array.from({ length: atOnce }, (_, worker) => ask(worker)))
  return { p50: median(times), perSecond: turns / ((performance.now() - startedAt) / 1_000) }
}

const body = JSON.stringify({ model: 'beamclaw', messages: [{ role: 'user', content: 'hello' }] })

function turn(agent: Agent, url: string, sessionKey: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const headers = { 'content-type': 'application/json', 'x-beamclaw-session-key': sessionKey, 'content-length': Buffer.byteLength(body) }
    const request = httpRequest(`${url}/v1/chat/completions`, { agent, method: 'POST', headers }, (response) => {
      response.resume()
      response.on('end', () => (response.statusCode === 200 ? resolve() : reject(new Error(`status ${response.statusCode}`))))
    })
    request.on('error', reject)
    request.end(body)
  })
}

if (process.argv[2] === 'serve') {
  process.once('message', async (order) => process.send?.(await serve(order as Order)))
  process.once('disconnect', () => process.exit(0))
}
