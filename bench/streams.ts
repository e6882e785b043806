/** The processor time of one streamed answer of many pieces, against a bare fetch loop that reads the same answer in the same process. */
import { BeamClaw, defineAgent, type Provider, type RunningBeamClaw, silentLogger } from '@beamclaw/core'
import { AnthropicProvider } from '@beamclaw/providers/anthropic'
import { OpenAiProvider } from '@beamclaw/providers/openai'
import { OpenAiResponsesProvider } from '@beamclaw/providers/openai-responses'
import { pieces, startPiecesProcess } from './lib/pieces-process.ts'
import { type Bench, median, medianRatio, type Result } from './lib/result.ts'

/** How many answers each side reads before the first that counts. */
const warmUp = 40
const rounds = 25
const answersInARound = 4

interface Dialect {
  readonly what: string
  readonly path: string
  readonly make: (baseUrl: string) => Provider
  /** Returns the text in an event. */
  readonly textIn: (event: never) => string | undefined
}

const dialects: readonly Dialect[] = [
  {
    what: 'Chat Completions',
    path: '/v1/chat/completions',
    make: (baseUrl) => new OpenAiProvider({ baseUrl, apiKey: 'none' }),
    textIn: ({ choices }: { readonly choices: readonly { readonly delta: { readonly content?: string } }[] }) => choices[0]?.delta.content,
  },
  {
    what: 'Messages',
    path: '/v1/messages',
    make: (baseUrl) => new AnthropicProvider({ baseUrl, apiKey: 'none' }),
    textIn: ({ delta }: { readonly delta?: { readonly text?: string } }) => delta?.text,
  },
  {
    what: 'Responses',
    path: '/v1/responses',
    make: (baseUrl) => new OpenAiResponsesProvider({ baseUrl, apiKey: 'none' }),
    textIn: ({ delta }: { readonly delta?: string }) => delta,
  },
]

async function bare(url: string, { path, textIn }: Dialect): Promise<number> {
  const body = JSON.stringify({ model: 'scripted-1', stream: true, messages: [{ role: 'user', content: 'hello' }] })
  const response = await fetch(`${url}${path}`, { method: 'POST', headers: { 'content-type': 'application/json' }, body })
  let count = 0
  let text = ''
  let rest = ''
  const decoder = new TextDecoder()
  for await (const bytes of response.body ?? []) {
    rest += decoder.decode(bytes as Uint8Array, { stream: true })
    const lines = rest.split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) {
      if (!line.startsWith('data: {')) continue
      const piece = textIn(JSON.parse(line.slice(6)) as never)
      if (piece === undefined || piece === '') continue
      text += piece
      count++
    }
  }
  return text === '' ? 0 : count
}

async function ours(provider: Provider): Promise<number> {
  let count = 0
  let text = ''
  const request = { model: 'scripted-1', messages: [{ role: 'user', content: 'hello' }] } as const
  for await (const part of provider.doStream(request, { signal: new AbortController().signal })) {
    if (part.type !== 'text-delta') continue
    text += part.text
    count++
  }
  return text === '' ? 0 : count
}

/** The same answer as the event stream of a run, with its journal in memory. */
async function throughSession(claw: RunningBeamClaw, key: string): Promise<number> {
  let text = ''
  for await (const event of claw.session(key).send('hello')) if (event.type === 'text-delta') text += event.text
  // A session may join pieces that arrived together.
  return text === '' ? 0 : text.split(' ').length - 1
}

/** Microseconds of processor time for one answer. */
async function cost(ask: () => Promise<number>): Promise<number> {
  const before = process.cpuUsage()
  for (let index = 0; index < answersInARound; index++) {
    const count = await ask()
    if (count !== pieces) throw new Error(`an answer had ${count} pieces`)
  }
  const { user, system } = process.cpuUsage(before)
  return (user + system) / answersInARound
}

async function compare(mine: () => Promise<number>, reference: () => Promise<number>): Promise<Omit<Result, 'metric'>> {
  const sides = [
    { ask: mine, costs: [] as number[] },
    { ask: reference, costs: [] as number[] },
  ] as const
  for (const { ask } of sides) for (let index = 0; index < warmUp; index++) await ask()
  for (let round = 0; round < rounds; round++) {
    // Each side is first in half of the rounds.
    for (const { ask, costs } of round % 2 === 0 ? sides : sides.toReversed()) costs.push(await cost(ask))
  }
  const [own, other] = sides
  return {
    bench: 'streams',
    value: median(own.costs) / 1_000,
    unit: 'ms',
    reference: { name: 'bare fetch loop', value: median(other.costs) / 1_000 },
    score: medianRatio(own.costs, other.costs),
  }
}

export const streams: Bench = {
  name: 'streams',
  async run() {
    const model = await startPiecesProcess()
    try {
      const rows: Result[] = []
      const providers = { chat: new OpenAiProvider({ baseUrl: `${model.url}/v1`, apiKey: 'none' }) }
      const agents = [defineAgent({ id: 'main', model: 'chat/scripted-1' })]
      await using claw = await new BeamClaw({ providers, agents, services: { logger: silentLogger } }).start()
      for (const dialect of dialects) {
        const provider = dialect.make(`${model.url}/v1`)
        const row = await compare(
          () => ours(provider),
          () => bare(model.url, dialect),
        )
        rows.push({ ...row, metric: `processor time of ${pieces} pieces, ${dialect.what}`, target: { atMost: 1.2 } })
      }
      const [chat] = dialects
      if (chat !== undefined) {
        let sessions = 0
        const row = await compare(
          () => throughSession(claw, `agent:main:bench-${sessions++}`),
          () => bare(model.url, chat),
        )
        rows.push({ ...row, metric: `processor time of ${pieces} pieces, ${chat.what}, through a session` })
      }
      return rows
    } finally {
      model.stop()
    }
  },
}
