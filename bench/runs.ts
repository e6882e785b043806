/** One run of two streamed model calls and a tool between them, against a bare fetch loop that does the same in the same process. */
import { constants, mkdtempSync, rmSync } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { BeamClaw, defineAgent, defineTool, MemoryStore, type RunningBeamClaw, type Store, silentLogger } from '@beamclaw/core'
import { OpenAiProvider } from '@beamclaw/providers/openai'
import { FsStore } from '@beamclaw/store-fs'
import { startModelProcess } from './lib/model-process.ts'
import { type Bench, median, medianRatio, type Result } from './lib/result.ts'

/** Runs of each side before the first that counts. Fewer measure the compiler: after 100, both sides still take 1.5 times as long. */
const warmUp = 4_000
const serial = 900
const concurrent = 50
const parallel = 1_000
const rounds = 15

/** Messages of one conversation. */
const conversation = 10

/** Begins a conversation; each call of the answer is one run in it. */
type Begin = (index: number) => () => Promise<void>

/** The baseline: a program without journal or checks. `beforeVisible` is awaited before the tool runs, and before the answer is given. */
function bareLoop(url: string, beforeVisible?: () => Promise<unknown>): Begin {
  const ask = async (messages: readonly object[]): Promise<{ readonly text: string; readonly toolCall: string | undefined }> => {
    const response = await fetch(`${url}/v1/chat/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        model: 'scripted-1',
        stream: true,
        stream_options: { include_usage: true },
        messages,
        tools: [lookupDeclaration],
      }),
    })
    let text = ''
    let toolCall: string | undefined
    let rest = ''
    const decoder = new TextDecoder()
    for await (const bytes of response.body ?? []) {
      rest += decoder.decode(bytes as Uint8Array, { stream: true })
      const lines = rest.split('\n')
      rest = lines.pop() ?? ''
      for (const line of lines) {
        if (!line.startsWith('data: {')) continue
        const { choices } = JSON.parse(line.slice(6)) as {
          readonly choices: readonly {
            readonly delta: { readonly content?: string; readonly tool_calls?: readonly { readonly id?: string }[] }
          }[]
        }
        text += choices[0]?.delta.content ?? ''
        toolCall ??= choices[0]?.delta.tool_calls?.[0]?.id
      }
    }
    return { text, toolCall }
  }
  return () => {
    const messages: object[] = []
    return async () => {
      messages.push({ role: 'user', content: 'what is the answer?' })
      const { toolCall } = await ask(messages)
      await beforeVisible?.()
      const call = { id: toolCall, type: 'function', function: { name: 'lookup', arguments: '{"what":"answer"}' } }
      messages.push(
        { role: 'assistant', content: null, tool_calls: [call] },
        { role: 'tool', tool_call_id: toolCall, content: 'forty-two' },
      )
      const { text } = await ask(messages)
      await beforeVisible?.()
      if (text === '') throw new Error('no answer')
      messages.push({ role: 'assistant', content: text })
    }
  }
}

const lookupDeclaration = {
  type: 'function',
  function: { name: 'lookup', description: 'looks things up', parameters: { type: 'object', properties: { what: { type: 'string' } } } },
}

const lookup = defineTool({
  name: 'lookup',
  description: 'looks things up',
  inputSchema: { type: 'object', properties: { what: { type: 'string' } } },
  execute: () => 'forty-two',
})

async function clawOver(url: string, store: Store): Promise<RunningBeamClaw> {
  return new BeamClaw({
    providers: { local: new OpenAiProvider({ apiKey: 'none', baseUrl: `${url}/v1` }) },
    agents: [defineAgent({ id: 'main', model: 'local/scripted-1', tools: [lookup] })],
    store,
    services: { logger: silentLogger },
  }).start()
}

function sessionRuns(claw: RunningBeamClaw): Begin {
  return (index) => {
    const session = claw.session(`agent:main:bench-${index}`)
    return async () => {
      const { text } = await session.send('what is the answer?').result()
      if (text === '') throw new Error('no answer')
    }
  }
}

/** One side of the comparison, measured a piece at a time, so that a slow moment of the machine meets all sides. */
class Contestant {
  readonly times: number[] = []
  /** Runs in a second, of each round. */
  readonly perSecond: number[] = []
  readonly #begin: Begin
  #conversations = 0

  constructor(begin: Begin) {
    this.#begin = begin
  }

  async converse(): Promise<void> {
    const run = this.#begin(this.#conversations++)
    for (let index = 0; index < conversation; index++) {
      const startedAt = performance.now()
      await run()
      this.times.push(performance.now() - startedAt)
    }
  }

  get p50(): number {
    return median(this.times.slice(0, serial))
  }

  async converseAtOnce(): Promise<void> {
    const end = this.#conversations + parallel / conversation
    const startedAt = performance.now()
    await Promise.all(
      Array.from({ length: concurrent }, async () => {
        while (this.#conversations < end) await this.converse()
      }),
    )
    this.perSecond.push(parallel / ((performance.now() - startedAt) / 1_000))
  }
}

/** Compares one side with the bare loop, each first in half of the rounds. */
async function compare(begin: Begin, url: string): Promise<Comparison> {
  const pair = { ours: new Contestant(begin), bare: new Contestant(bareLoop(url)) }
  const sides = Object.values(pair)
  for (const side of sides) while (side.times.length < warmUp) await side.converse()
  for (const side of sides) side.times.length = 0
  for (let count = 0; count < serial; count += conversation) for (const side of sides.reverse()) await side.converse()
  for (let round = 0; round < rounds; round++) for (const side of sides.reverse()) await side.converseAtOnce()
  return pair
}

interface Comparison {
  readonly ours: Contestant
  readonly bare: Contestant
}

/** Returns what a comparison shows: of one run, and of many at once. */
function rowsOf(what: string, { ours, bare }: Comparison, targets?: { readonly atMost: number; readonly atLeast: number }): Result[] {
  const name = 'bare fetch loop'
  const one = {
    bench: 'runs',
    metric: `one run, p50, ${what}`,
    value: ours.p50,
    unit: 'ms',
    reference: { name, value: bare.p50 },
    score: ours.p50 / bare.p50,
  }
  const many = {
    bench: 'runs',
    metric: `${concurrent} at once, ${what}`,
    value: median(ours.perSecond),
    unit: 'runs/s',
    reference: { name, value: median(bare.perSecond) },
    score: medianRatio(ours.perSecond, bare.perSecond),
  }
  if (targets === undefined) return [one, many]
  return [
    { ...one, target: { atMost: targets.atMost } },
    { ...many, target: { atLeast: targets.atLeast } },
  ]
}

/** Writes lines durably: those of one turn of the event loop, and those that come meanwhile, with one call. */
class GroupCommit {
  readonly #file: FileHandle
  #waiting: Buffer[] = []
  #next: Promise<unknown> | undefined
  #last: Promise<unknown> = Promise.resolve()

  constructor(file: FileHandle) {
    this.#file = file
  }

  write(line: Buffer): Promise<unknown> {
    this.#waiting.push(line)
    this.#next ??= this.#commit()
    return this.#next
  }

  async #commit(): Promise<void> {
    await this.#last
    const lines = this.#waiting.splice(0)
    this.#last = this.#file.write(Buffer.concat(lines))
    this.#next = undefined
    await this.#last
  }
}

/** What the two durable writes of a journalled run cost by themselves: the bare loop with nothing but them, in groups where they come together. */
async function floor(url: string, path: string): Promise<Result[]> {
  const { O_WRONLY, O_CREAT, O_APPEND, O_DSYNC } = constants
  const file = await open(path, O_WRONLY | O_CREAT | O_APPEND | O_DSYNC)
  try {
    const commits = new GroupCommit(file)
    const line = Buffer.alloc(1_000, 0x2e)
    const { ours, bare } = await compare(
      bareLoop(url, () => commits.write(line)),
      url,
    )
    return rowsOf('bare loop with two durable writes', { ours, bare })
  } finally {
    await file.close()
  }
}

export const runs: Bench = {
  name: 'runs',
  async run() {
    const model = await startModelProcess()
    const folder = mkdtempSync(join(tmpdir(), 'beamclaw-bench-'))
    try {
      const rows: Result[] = []
      // One after the other: the background work of a store would slow the side beside it.
      for (const { what, store, atMost, atLeast } of [
        { what: 'in memory', store: new MemoryStore(), atMost: 1.15, atLeast: 0.9 },
        { what: 'journalled, sync always', store: new FsStore({ path: folder }), atMost: 1.5, atLeast: 0.85 },
      ]) {
        await using claw = await clawOver(model.url, store)
        rows.push(...rowsOf(what, await compare(sessionRuns(claw), model.url), { atMost, atLeast }))
      }
      rows.push(...(await floor(model.url, join(folder, 'floor'))))
      return rows
    } finally {
      model.stop()
      rmSync(folder, { recursive: true, force: true })
    }
  },
}
