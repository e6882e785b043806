// What a session has in hand when its node drains is carried out once, and its caller hears of that.
import { BeamClaw, defineAgent, defineTool, MemoryStore, type PartHost, type RecordExtension, silentLogger } from '@beamclaw/core'
import { ResourceActor } from '@beamclaw/core/actor'
import { wrapLog, wrapStore } from '@beamclaw/core/adapter'
import { MemoryNetwork, ScriptedProvider, textAnswer, toolAnswer } from '@beamclaw/testkit'
import { expect, onTestFinished, test, vi } from 'vitest'

const votes: RecordExtension<number> = { id: 'votes', initial: 0, fold: (count) => count + 1 }
const [recorded, paid, aborted] = ['agent:main:recorded', 'agent:main:paid', 'agent:main:aborted'] as const

/** Two nodes whose logs can be held: an append is durable then, and its caller does not hear of it. */
function scene() {
  const network = new MemoryNetwork({ heartbeatMs: 50, ttlMs: 1_000 })
  const memory = new MemoryStore()
  const hold = { gate: undefined as PromiseWithResolvers<void> | undefined, held: 0 }
  const store = wrapStore(memory, {
    stop: async () => {},
    openLog: async (...args) => {
      const log = await memory.openLog(...args)
      return wrapLog(log, {
        append: async (entries) => {
          await log.append(entries)
          hold.held += 1
          await hold.gate?.promise
        },
      })
    },
  })
  const payments: string[] = []
  const pay = defineTool({ name: 'pay', description: 'pays', askMode: 'always', execute: () => `payment ${payments.push('paid')}` })
  const slow = Promise.withResolvers<void>()
  const start = async (id: string) => {
    let host: PartHost | undefined
    const part = {
      id: 'votes',
      records: votes,
      start: (given: PartHost) => {
        host = given
        return { start: () => new ResourceActor({}) }
      },
    }
    const answers = async ({ messages }: { readonly messages: readonly { readonly content: unknown }[] }) => {
      const last = String(messages.at(-1)?.content)
      if (last === 'slow') await slow.promise
      return last === 'pay' ? toolAnswer('pay') : textAnswer('fine')
    }
    const claw = await new BeamClaw({
      providers: { test: new ScriptedProvider({ answers }) },
      agents: [defineAgent({ id: 'main', model: 'test/any', tools: [pay] })],
      store,
      cluster: network.node(id),
      parts: [part],
      services: { logger: silentLogger },
    }).start()
    onTestFinished(() => claw.stop())
    return { claw, records: () => (host ?? expect.unreachable()).records(votes, recorded) }
  }
  return { hold, payments, slow, start }
}

test.each([1, 60_000])(
  'a record, a decision and an abort are each carried out once, by a node that drains with %d ms for a step',
  async (stepMs) => {
    const { hold, payments, slow, start } = scene()
    const one = await start('one')
    const { runId } = await one.claw.session(recorded).send('hello').result()
    await one.claw.session(paid).send('pay').accepted
    const runs = ['first', 'second', 'third'].map((id) => one.claw.session(aborted).send('slow', { idempotencyKey: id }))
    await Promise.all(runs.map((run) => run.accepted))
    await vi.waitUntil(async () => (await one.claw.approvals.list()).length === 1)
    const [request] = await one.claw.approvals.list()
    const two = await start('two')
    await vi.waitUntil(() => one.claw.cluster.nodes.length === 2)

    hold.gate = Promise.withResolvers()
    hold.held = 0
    const calls = [
      one.records().append(runId, 'vote', 'yes'),
      one.claw.approvals.approve(request?.id ?? ''),
      one.claw.session(aborted).abort(),
    ] as const
    await vi.waitUntil(() => hold.held >= 3)
    const drained = one.claw.drain({ stepMs })
    // Time for the drain to reach the sessions: with less, they would have nothing in hand.
    await new Promise((resolve) => setTimeout(resolve, 50))
    hold.gate.resolve()
    hold.gate = undefined
    slow.resolve()
    await drained

    const [, , receipt] = await Promise.all(calls)
    expect(receipt).toMatchObject({ runId: 'first', wasAborted: true })
    const outcomes = await Promise.all(
      runs.map((run) =>
        run.result().then(
          () => 'ended',
          (error) => error.code,
        ),
      ),
    )
    expect(outcomes).toEqual(['run-aborted', 'ended', 'ended'])
    expect(await two.records().state()).toBe(1)
    await vi.waitUntil(() => payments.length > 0)
    expect(payments).toEqual(['paid'])
  },
)
