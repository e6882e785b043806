import { flushEventLoop } from '@beamclaw/actor/testing'
import { describe, expect, test } from 'vitest'
import { defineAgent } from '../agent/agent.ts'
import { describeError } from '../base/errors.ts'
import type { ProviderRequest } from '../ports/provider.ts'
import type { RunningBeamClaw } from '../running-beamclaw.ts'
import { FunctionModel, stage } from '../testing/model.ts'
import { defineTool, type ToolContext } from '../tool/tool.ts'
import type { QueueMode } from './journal/records.ts'

const first = 'agent:main:first'
const second = 'agent:main:second'

/** A user who says `go …` has the tool called; the tool's answer is the answer. */
function relay({ messages }: ProviderRequest) {
  const last = messages.at(-1)
  if (last?.role === 'tool') return { text: String(last.content[0]?.content) }
  return String(last?.content).startsWith('go')
    ? { calls: [{ id: 'call', name: 'talk', input: { text: String(last?.content) } }] }
    : { text: 'fine' }
}

async function tree(execute: (claw: RunningBeamClaw, context: ToolContext, text: string) => Promise<string>) {
  const talk = defineTool<{ readonly text: string }>({
    name: 'talk',
    description: 'talks to a session',
    inputSchema: { type: 'object' },
    execute: ({ text }, context) => execute(set.claw, context, text),
  })
  const set = await stage(new FunctionModel(relay), { tools: [talk] })
  return set
}

const errorOf = async (work: Promise<unknown>): Promise<string> => {
  try {
    await work
    return 'no error'
  } catch (error) {
    return `${(error as { code?: string }).code}: ${describeError(error)}`
  }
}

describe('a tool that messages its own session and waits for the answer', () => {
  test.each<QueueMode>(['queue', 'steer', 'collect'])(
    'is told that it would wait for itself, and the message has its run later: %s',
    async (queueMode) => {
      const { claw } = await tree((running, { sessionKey }) =>
        errorOf(running.session(sessionKey).send('hello', { queueMode, idempotencyKey: 'own' }).result()),
      )
      const { text } = await claw.session(first).send('go').result()
      if (queueMode !== 'steer') expect(text).toMatch(/^call-cycle: .*agent:main:first → agent:main:first/)
      expect((await claw.session(first).follow('own').result()).text).not.toBe('')
      const { messages } = await claw.session(first).history()
      expect(JSON.stringify(messages)).toContain('call-cycle')
    },
  )

  test('is told so also when it iterates, and when it follows its own run', async () => {
    const { claw } = await tree(async (running, { sessionKey, runId }) => {
      const iterated = await errorOf(running.session(sessionKey).send('hello')[Symbol.asyncIterator]().next())
      const followed = await errorOf(running.session(sessionKey).follow(runId).result())
      return `${iterated.slice(0, 10)} ${followed.slice(0, 10)}`
    })
    expect((await claw.session(first).send('go').result()).text).toBe('call-cycle call-cycle')
  })

  test('may wait until the message is accepted, and for runs that are over', async () => {
    const { claw } = await tree(async (running, { sessionKey }) => {
      const { status } = await running.session(sessionKey).send('hello', { idempotencyKey: 'later' }).accepted
      const { text } = await running.session(sessionKey).follow('before').result()
      return `${status}, ${text}`
    })
    await claw.session(first).send('hi', { idempotencyKey: 'before' }).result()
    expect((await claw.session(first).send('go').result()).text).toBe('accepted, fine')
    expect((await claw.session(first).follow('later').result()).text).toBe('fine')
  })

  test('may wait once it has interrupted its own run', async () => {
    let told: Promise<string> | undefined
    const { claw } = await tree((running, { sessionKey }) => {
      told = running
        .session(sessionKey)
        .send('hello', { queueMode: 'interrupt' })
        .result()
        .then(({ text }) => text)
      return told
    })
    await expect(claw.session(first).send('go').result()).rejects.toMatchObject({ code: 'run-aborted' })
    expect(await told).toBe('fine')
  })
})

describe('tools of two sessions that wait for each other', () => {
  test('are found: the one that closes the circle is told, and both runs end', async () => {
    const { claw } = await tree((running, { sessionKey }) => {
      const target = sessionKey === first ? second : first
      return errorOf(
        running
          .session(target)
          .send(sessionKey === first ? 'go on' : 'hello')
          .result(),
      ).then((error) => `${sessionKey}: ${error}`)
    })
    const { text } = await claw.session(first).send('go').result()
    expect(text).toBe(`${first}: no error`)
    const { messages } = await claw.session(second).history()
    expect(JSON.stringify(messages)).toContain('agent:main:second → agent:main:first → agent:main:second')
  })

  test('may ask one after the other, and later again', async () => {
    const { claw } = await tree(async (running, { sessionKey }) => {
      if (sessionKey === second) return 'no circle'
      const one = await running.session(second).send('hello').result()
      const two = await running.session(second).send('go').result()
      return `${one.text}, ${two.text}`
    })
    expect((await claw.session(first).send('go').result()).text).toBe('fine, no circle')
    claw.updateAgents([defineAgent({ id: 'main', model: 'test/model' })])
    expect((await claw.session(second).send('bye').result()).text).toBe('fine')
    await flushEventLoop()
  })
})
