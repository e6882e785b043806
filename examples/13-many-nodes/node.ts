/** One node: a BeamClaw over Redis. Its parent asks it over IPC. */
import { BeamClaw, defineAgent } from '@beamclaw/core'
import { DemoProvider } from '@beamclaw/providers/demo'
import { RedisCluster, RedisStore } from '@beamclaw/store-redis'

export const key = 'agent:main:chat'

/** What the parent asks; the answer has the same `id`. */
export interface Question {
  readonly id: number
  /** `send`: a message to the conversation. `owner`: which node has it. `length`: how many messages it has. */
  readonly what: 'send' | 'owner' | 'length'
  readonly text?: string
}

const [, , url = '', prefix = '', nodeId = ''] = process.argv

if (url !== '') {
  const claw = new BeamClaw({
    providers: { demo: new DemoProvider({ delayMs: 15 }) },
    agents: [defineAgent({ id: 'main', model: 'demo/demo-1' })],
    store: new RedisStore({ url, prefix }),
    cluster: new RedisCluster({ url, prefix, nodeId }),
  })
  const running = await claw.start()
  const session = running.session(key)

  const answer = async ({ what, text = '' }: Question): Promise<unknown> => {
    if (what === 'send') return (await session.send(text, { idempotencyKey: text }).result()).text
    if (what === 'length') return (await session.history()).total
    return (await running.cluster.status()).find(({ activity }) => (activity?.sessions ?? 0) > 0)?.id
  }

  process.on('message', (question: Question) => {
    void answer(question).then(
      (value) => process.send?.({ id: question.id, value }),
      (error: unknown) => process.send?.({ id: question.id, error: String(error) }),
    )
  })
  process.send?.({ id: 0, value: nodeId })
}
