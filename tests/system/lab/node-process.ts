/**
 * One node of a cluster over Redis, as an embedder would write it, for tests that kill it. Its only argument is JSON (`NodeSetup`). Commands are lines of
 * JSON on standard input (`NodeCommand`), and whatever it gets to know is a line of JSON on standard output (`NodeLine`).
 */
import { appendFileSync, writeSync } from 'node:fs'
import { flushCompileCache } from 'node:module'
import { createInterface } from 'node:readline'
import {
  BeamClaw,
  BeamClawError,
  defineAgent,
  defineTool,
  type JsonObject,
  type LogEntry,
  type RunningBeamClaw,
  type Store,
  type TreeNode,
} from '@beamclaw/core'
import { wrapLog, wrapStore } from '@beamclaw/core/adapter'
import { OpenAiProvider } from '@beamclaw/providers/openai'
import { RedisCluster, RedisStore } from '@beamclaw/store-redis'
import type { NodeCommand, NodeLine, NodeLook, NodeSetup } from './node.ts'
import { type SideEffect, sideEffectTools } from './tools.ts'

/** Synchronous: a line which was printed is out even when the next thing that comes is SIGKILL. */
function print(line: NodeLine): void {
  const bytes = Buffer.from(`${JSON.stringify(line)}\n`)
  for (let from = 0; from < bytes.length; ) {
    try {
      from += writeSync(1, bytes, from)
    } catch (error) {
      // The reader is slower than this process, which waits for it.
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error
    }
  }
}

/** Sets the clock of this process wrong; what measures durations goes on as it was. */
function setClockWrong(errorMs: number): void {
  const RightDate = Date
  globalThis.Date = class extends RightDate {
    // The other forms take what they are given.
    constructor(...given: readonly unknown[]) {
      super(...((given.length === 0 ? [RightDate.now() + errorMs] : given) as [number]))
    }
    static override now(): number {
      return RightDate.now() + errorMs
    }
  } as DateConstructor
}

function failureOf(error: unknown): { readonly code: string; readonly message: string } {
  return BeamClawError.isInstance(error) ? { code: error.code, message: error.message } : { code: 'not-typed', message: String(error) }
}

/** Waits for approval, and then leaves its trace. */
function payTool(leave: (effect: SideEffect) => void) {
  return defineTool({
    name: 'pay',
    description: 'pays, once it is approved',
    askMode: 'always',
    execute: (_input, { toolCallId, runId }) => {
      leave({ tool: 'pay', toolCallId, runId })
      return 'paid'
    },
  })
}

/** What the next version would write: each record of a session names its format. */
function writingFormat2(store: Store): Store {
  return wrapStore(store, {
    openLog: async (key, token) => {
      const log = await store.openLog(key, token)
      if (key[1] !== 'sessions') return log
      const renewed = (record: LogEntry): LogEntry => ({ ...record, data: { ...(record.data as JsonObject), format: 2 } })
      return wrapLog(log, { append: (records) => log.append(records.map(renewed)) })
    },
  })
}

function restartsIn({ restarts, children = [] }: TreeNode): number {
  return children.reduce((sum, child) => sum + restartsIn(child), restarts)
}

interface World {
  readonly claw: RunningBeamClaw
  readonly cluster: RedisCluster
  readonly release: () => void
}

function lookOf({ claw, cluster }: World): NodeLook {
  const { phase, nodes, activity } = claw.cluster
  return {
    phase,
    isRunning: claw.isRunning,
    incarnation: cluster.self.incarnation,
    members: nodes.map(({ id, incarnation, state }) => ({ id, incarnation, state })),
    sessions: activity.sessions,
    restarts: restartsIn(claw.tree()),
  }
}

/** Follows a session to its end; again from the next event on where its node or its store was away, as a client does with a cursor. */
async function follow(claw: RunningBeamClaw, id: string, session: string): Promise<void> {
  for (let next = 1; ; ) {
    try {
      for await (const event of claw.session(session).subscribe(next, { waitForFirstMessage: true })) {
        if (!('seq' in event)) continue
        print({ id, heard: { seq: event.seq, type: event.type, runId: event.runId } })
        next = event.seq + 1
      }
      return print({ id, gone: 'the subscription has ended' })
    } catch (error) {
      const { code } = failureOf(error)
      if (code !== 'node-isolated' && code !== 'store-io') throw error
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
  }
}

async function obey(world: World, id: string, command: NodeCommand): Promise<void> {
  const { claw, cluster } = world
  switch (command.do) {
    case 'send': {
      const { session, text, key, queueMode = 'queue' } = command
      const run = claw.session(session).send(text, { idempotencyKey: key, queueMode })
      const ended = run.result()
      ended.catch(() => {})
      print({ id, receipt: await run.accepted })
      return print({ id, text: (await ended).text })
    }
    case 'follow':
      return follow(claw, id, command.session)
    case 'approvals': {
      const found = await claw.approvals.list()
      return print({ id, approvals: found.map(({ id: approval, sessionKey }) => ({ id: approval, sessionKey })) })
    }
    case 'decide':
      await (command.isApproved ? claw.approvals.approve(command.approval) : claw.approvals.deny(command.approval))
      return print({ id })
    case 'owner':
      return print({ id, owner: (await cluster.locate(`default:${command.session}`)).node.id })
    case 'look':
      return print({ id, look: lookOf(world) })
    case 'drain':
      await claw.drain(command.stepMs === undefined ? {} : { stepMs: command.stepMs })
      return print({ id })
    case 'release':
      world.release()
      return print({ id })
    case 'block':
      for (const until = performance.now() + command.ms; performance.now() < until; );
      return print({ id })
    case 'stop':
      await claw.stop()
      print({ id })
      process.exit(0)
  }
}

async function main(setup: NodeSetup): Promise<void> {
  const { id, url, modelUrl, effects, cluster: times = {}, store: storeOptions = {}, sessions = {}, clockErrorMs = 0 } = setup
  if (clockErrorMs !== 0) setClockWrong(clockErrorMs)
  const released = Promise.withResolvers<void>()
  const leave = (effect: SideEffect): void => appendFileSync(effects, `${JSON.stringify(effect)}\n`)
  const logger = { log: (level: string, event: string, fields: object = {}) => print({ log: event, level, fields }) }
  const { storeId } = storeOptions
  const store = new RedisStore({ url, logger, ...storeOptions })
  const cluster = new RedisCluster({ url, nodeId: id, logger, ...times, ...(storeId === undefined ? {} : { storeId }) })
  const claw = await new BeamClaw({
    providers: { local: new OpenAiProvider({ baseUrl: modelUrl, apiKey: 'none' }) },
    agents: [defineAgent({ id: 'main', model: 'local/scripted-1', tools: [...sideEffectTools(leave, released.promise), payTool(leave)] })],
    sessions,
    store: setup.isNextVersion === true ? writingFormat2(store) : store,
    cluster,
    services: { logger },
  }).start()
  flushCompileCache()
  print({ ready: process.pid })
  void claw.ended.then(() => print({ ended: true }))
  const world: World = { claw, cluster, release: released.resolve }
  createInterface({ input: process.stdin }).on('line', (line) => {
    const command = JSON.parse(line) as NodeCommand & { readonly id: string }
    obey(world, command.id, command).catch((error: unknown) => print({ id: command.id, refused: failureOf(error) }))
  })
}

main(JSON.parse(process.argv[2] ?? '') as NodeSetup).catch((error: unknown) => {
  print({ refused: failureOf(error) })
  process.exit(1)
})
