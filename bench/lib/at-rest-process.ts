/** A process that starts beside sessions that another one has made: how long that takes, what it costs, and how long pages of lists take. */
import { fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { BeamClaw, defineAgent, silentLogger } from '@beamclaw/core'
import { FsStore } from '@beamclaw/store-fs'
import { shortAnswers } from './short-answers.ts'

const pages = 200
const pageSize = 100

export interface StartedBeside {
  readonly readyMs: number
  readonly rssMegabytes: number
  /** Milliseconds of the first page by last activity: the 99th of a hundred. */
  readonly firstPageMs: number
  /** The same of pages that follow each other. */
  readonly nextPageMs: number
}

/** Measures in a process of its own. */
export async function startBeside(folder: string): Promise<StartedBeside> {
  const child = fork(fileURLToPath(import.meta.url), ['measure', folder], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
  return await new Promise((resolve, reject) => {
    child.once('message', (message) => resolve(message as StartedBeside))
    child.once('exit', (code) => reject(new Error(`the process beside the sessions ended with ${code}`)))
  })
}

async function measure(folder: string): Promise<StartedBeside> {
  const startedAt = performance.now()
  await using claw = await new BeamClaw({
    providers: { local: shortAnswers },
    agents: [defineAgent({ id: 'main', model: 'local/short' })],
    store: new FsStore({ path: folder }),
    services: { logger: silentLogger },
  }).start()
  const readyMs = performance.now() - startedAt
  const rssMegabytes = process.memoryUsage.rss() / 1_000_000
  const [first, next]: number[][] = [[], []]
  let after: string | undefined
  for (let page = 0; page < pages; page++) {
    let at = performance.now()
    await claw.sessions({ sort: 'updatedAt', limit: pageSize })
    first?.push(performance.now() - at)
    at = performance.now()
    const found = await claw.sessions({ sort: 'updatedAt', limit: pageSize, ...(after === undefined ? {} : { after }) })
    next?.push(performance.now() - at)
    after = found.at(-1)?.cursor
  }
  return { readyMs, rssMegabytes, firstPageMs: ninetyNinth(first ?? []), nextPageMs: ninetyNinth(next ?? []) }
}

function ninetyNinth(times: readonly number[]): number {
  return [...times].sort((a, b) => a - b)[Math.ceil(times.length * 0.99) - 1] ?? 0
}

if (process.argv[2] === 'measure') {
  process.send?.(await measure(process.argv[3] ?? ''))
  process.disconnect()
}
