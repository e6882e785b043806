/** Start-up times: the first start of a checkout, the next one, and a gateway after kill -9 until all accepted work is done. */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type ModelServer, startModelServer } from '@beamclaw/testkit/model-server'
import { Caller } from './lib/caller.ts'
import { Launched } from './lib/launched.ts'
import type { Bench, Result } from './lib/result.ts'

const checkout = fileURLToPath(new URL('..', import.meta.url))
const bin = join(checkout, 'packages/cli/dist/bin.js')

const sessions = Array.from({ length: 10 }, (_, index) => `agent:main:restart-${index}`)

/** The first of each session's messages runs, five wait. */
const perSession = 6

function result(metric: string, value: number, unit: string, target: NonNullable<Result['target']>): Result {
  return { bench: 'start', metric, value, unit, score: value, target }
}

async function fromAClone(folder: string): Promise<Result[]> {
  const clone = join(folder, 'clone')
  execFileSync('git', ['clone', '--quiet', checkout, clone])
  const seconds: number[] = []
  for (let round = 0; round < 2; round++) {
    const gateway = await Launched.start('npm', ['start'], { cwd: clone })
    seconds.push(gateway.readySeconds)
    await gateway.end('SIGTERM')
  }
  const [first = Number.NaN, second = Number.NaN] = seconds
  return [
    result('npm start on a bare clone, until ready', first, 's', { atMost: 60 }),
    result('npm start when nothing changed, until ready', second, 's', { atMost: 3 }),
  ]
}

async function afterAKill(folder: string): Promise<Result[]> {
  let isHeld = true
  await using model = await startModelServer({
    answers: ({ body }) => {
      const { messages } = body as { readonly messages: readonly { readonly content: unknown }[] }
      return { text: `heard ${String(messages.at(-1)?.content)}`, ...(isHeld ? { delivery: { stall: 'body' } } : {}) }
    },
  })
  writeConfig(folder, model)
  const start = (): Promise<Launched> => Launched.start(process.execPath, [bin, 'start'], { cwd: folder })
  const first = await start()
  const before = await Caller.connect(first.url)
  for (const sessionKey of sessions) {
    for (let index = 0; index < perSession; index++)
      await before.call('chat.send', { sessionKey, message: `message ${index}`, idempotencyKey: `${sessionKey}-${index}` })
  }
  await first.end('SIGKILL')
  isHeld = false
  const second = await start()
  try {
    const caller = await Caller.connect(second.url)
    let ran = 0
    for (const sessionKey of sessions) {
      for (let index = 0; index < perSession; index++)
        await caller.call('agent.wait', { runId: `${sessionKey}-${index}`, sessionKey, timeoutMs: 20_000 })
      const { messages } = (await caller.call('chat.history', { sessionKey, limit: 100 })) as { readonly messages: readonly object[] }
      const answers = messages.map((message) => JSON.stringify(message)).filter((text) => text.includes('heard message'))
      for (let index = 1; index < perSession; index++)
        if (answers.filter((text) => text.includes(`heard message ${index}`)).length === 1) ran++
    }
    caller.end()
    return [
      result('ready again after kill -9 with 10 runs under way and 50 messages waiting', second.readySeconds, 's', { atMost: 1 }),
      result('of 50 acknowledged messages, ran exactly once', ran, 'messages', { atLeast: 50 }),
    ]
  } finally {
    await second.end('SIGKILL')
  }
}

function writeConfig(folder: string, model: ModelServer): void {
  const lines = [
    `store: { type: fs, path: ${JSON.stringify(join(folder, 'data'))} }`,
    `providers: { local: { type: openai, apiKey: none, baseUrl: ${JSON.stringify(model.baseUrl)} } }`,
    'agents: { main: { model: local/scripted-1 } }',
  ]
  writeFileSync(join(folder, 'beamclaw.yaml'), lines.join('\n'))
}

export const start: Bench = {
  name: 'start',
  async run() {
    const folder = mkdtempSync(join(tmpdir(), 'beamclaw-bench-'))
    try {
      return [...(await fromAClone(folder)), ...(await afterAKill(folder))]
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  },
}
