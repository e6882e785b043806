/** Lets hostile clients loose on a gateway, one seed at a time. The process must live, others must be answered, and memory must not grow. */
import { connect, type Socket } from 'node:net'
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import type { Logger } from '../../../packages/core/src/index.ts'
import { type Scene, scene } from '../../../packages/gateway-ws/src/testing/scene.ts'
import { seededRandom } from '../../../packages/testkit/src/seeded-random.ts'
import { type Attack, attackOf } from './attacks.ts'
import { MemoryPeak } from './memory-peak.ts'

export interface FuzzOptions {
  readonly seed: number
  /** @default 60 */
  readonly attacks?: number
}

export interface FuzzReport {
  readonly attacks: number
  /** Milliseconds that another client waited at most, while this process was at work. */
  readonly slowestMs: number
  /** Bytes of resident memory that an attack took at most while it was dealt with, its own included. */
  readonly peakBytes: number
  /** Bytes of resident memory that stayed. */
  readonly grownBytes: number
}

/** Milliseconds in which another client has its answer. */
const answerWithinMs = 100
/** Log events of unexpected errors. */
const mistakes = ['gateway.handler-failed', 'gateway.request-failed', 'gateway.feed-failed']
const maxGrowth = 50 * 1_024 * 1_024
/** Bytes that one attack, or one by many clients at once, may take for a moment. */
const maxPeak = 200 * 1_024 * 1_024
const maxRounds = 3
/** Repetitions of an attack that seemed slow: another program may have used the processor. */
const repeats = 3
/** Milliseconds within which other clients must be answered at all. */
const deadlineMs = 10_000
/** Milliseconds that a client waits for an answer to its attack. */
const patienceMs = 5

/** Throws an error that says what failed, and under which seed. */
export async function fuzzGateway({ seed, attacks = 60 }: FuzzOptions): Promise<FuzzReport> {
  const uncaught = Promise.withResolvers<never>()
  // It is looked at with each attack.
  uncaught.promise.catch(() => {})
  const note = (error: unknown): void => uncaught.reject(new Error(`the process would have ended with ${describe(error)}`))
  process.on('uncaughtException', note).on('unhandledRejection', note)
  // An error that the boundary caught is a bug too.
  const logger: Logger = {
    log: (_level, event, fields) => {
      if (mistakes.includes(event)) uncaught.reject(new Error(`a handler failed: ${event} ${JSON.stringify(fields)}`))
    },
  }
  const stage = await scene({
    gateway: { services: { logger }, limits: { handshakeMs: 200, maxUnauthenticatedPerAddress: 10_000, maxBodiesBytes: 20_971_520 } },
  })
  await using peak = new MemoryPeak()
  try {
    let slowestMs = 0
    let peakBytes = 0
    let grownBytes = 0
    // A leak grows with each round; what is loaded and compiled with the first does not.
    for (let round = 0; round < maxRounds; round++) {
      const before = residentBytes()
      const random = seededRandom(seed)
      for (let index = 0; index < attacks; index++) {
        const attack = attackOf(random)
        try {
          const { waitedMs, tookBytes } = await Promise.race([uncaught.promise, withinTime(strikeAndAsk(stage, attack, peak))])
          // The requests that the scene's model keeps are not the gateway's memory.
          stage.model.requests.length = 0
          stage.model.signals.length = 0
          peakBytes = Math.max(peakBytes, tookBytes)
          if (tookBytes > maxPeak) throw new Error(`it took ${tookBytes} bytes of memory`)
          slowestMs = Math.max(slowestMs, waitedMs)
          if (waitedMs > answerWithinMs) throw new Error(`another client waited ${Math.round(waitedMs)} ms`)
        } catch (cause) {
          const why = cause instanceof Error ? cause.message : String(cause)
          throw new Error(`seed ${seed}, attack ${index} (${attack.name}): ${why}\n${shown(attack)}`, { cause })
        }
      }
      grownBytes = await grownSince(before)
      if (grownBytes <= maxGrowth) return { attacks, slowestMs, peakBytes, grownBytes }
    }
    throw new Error(`seed ${seed}: ${grownBytes} bytes more are resident after each ${attacks} attacks`)
  } finally {
    // A gateway that an attack has left half way may not even stop.
    await withinTime(Promise.resolve(stage[Symbol.asyncDispose]()), 2_000).catch(() => {})
    process.off('uncaughtException', note).off('unhandledRejection', note)
  }
}

/** Rejects when the promise takes too long; keeps the process alive until then. */
async function withinTime<T>(work: Promise<T>, milliseconds = deadlineMs): Promise<T> {
  const late = Promise.withResolvers<never>()
  const timer = setTimeout(() => late.reject(new Error(`another client was not answered within ${milliseconds} ms`)), milliseconds)
  try {
    return await Promise.race([work, late.promise])
  } finally {
    clearTimeout(timer)
  }
}

interface Suffered {
  /** Milliseconds of this process's work that a client waited for that asked while the attack was dealt with. */
  readonly waitedMs: number
  /** Bytes that were resident at most, above what was before. */
  readonly tookBytes: number
}

/** Each the least of several tries. */
async function strikeAndAsk(stage: Scene, attack: Attack, peak: MemoryPeak): Promise<Suffered> {
  let waitedMs = Number.POSITIVE_INFINITY
  let tookBytes = Number.POSITIVE_INFINITY
  for (let round = 0; round < repeats && (waitedMs > answerWithinMs || tookBytes > maxPeak); round++) {
    // Garbage of earlier attacks must not count for this one.
    const before = round === 0 ? process.memoryUsage.rss() : residentBytes()
    peak.reset()
    const struck = Promise.all(Array.from({ length: attack.clients }, () => strike(stage.url, attack)))
    const asked = ask(stage.url)
    await struck
    waitedMs = Math.min(waitedMs, Math.max(await asked, await ask(stage.url)))
    tookBytes = Math.min(tookBytes, Math.max(0, peak.bytes - before))
  }
  return { waitedMs, tookBytes }
}

/** Sends the attack, and hears a part of the answer. */
async function strike(url: string, { chunks, ending }: Attack): Promise<void> {
  const socket = connect(Number(new URL(url).port), '127.0.0.1').on('error', () => {})
  socket.resume()
  for (const chunk of chunks) {
    if (chunk.length > 0 && socket.writable) await written(socket, chunk)
    await nextTurn()
  }
  if (ending === 'end') socket.end()
  if (ending !== 'destroy') await sleep(patienceMs)
  socket.destroy()
}

async function written(socket: Socket, chunk: Buffer): Promise<void> {
  // Also what is refused before all of it is there must be let go.
  await Promise.race([new Promise((resolve) => socket.write(chunk, resolve)), new Promise((resolve) => socket.once('close', resolve))])
}

/** Asks for the gateway's health. Resolves with the milliseconds that took, as far as this process was at work. */
async function ask(url: string): Promise<number> {
  const startedAt = performance.now()
  const before = process.cpuUsage()
  const response = await fetch(`${url}/health`)
  await response.arrayBuffer()
  const { user, system } = process.cpuUsage(before)
  if (response.status !== 200) throw new Error(`/health is answered with ${response.status}`)
  return Math.min(performance.now() - startedAt, (user + system) / 1_000)
}

async function grownSince(before: number): Promise<number> {
  let grown = residentBytes() - before
  // Memory is given back with some delay.
  for (let round = 0; round < 20 && grown > maxGrowth; round++) {
    await sleep(100)
    grown = Math.min(grown, residentBytes() - before)
  }
  return Math.max(0, grown)
}

function residentBytes(): number {
  setFlagsFromString('--expose-gc')
  ;(runInNewContext('gc') as () => void)()
  return process.memoryUsage.rss()
}

function describe(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error)
}

function shown({ chunks }: Attack): string {
  const bytes = Buffer.concat(chunks)
  return `${bytes.length} bytes, ${JSON.stringify(bytes.subarray(0, 400).toString('latin1'))}`
}
