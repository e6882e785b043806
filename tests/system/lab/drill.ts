/** The environment of a crash test, which outlives its processes: a model server, a data directory, and the traces of tools. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  type AnswerFunction,
  type ModelAnswer,
  type ModelServer,
  type ReceivedRequest,
  startModelServer,
} from '@beamclaw/testkit/model-server'
import { AgentProcess, type AgentSetup } from './agent.ts'
import { type JournalRecord, readJournal } from './journal-files.ts'
import { effectsIn, problemsIn } from './journals.ts'
import type { SideEffect } from './tools.ts'

interface ChatMessage {
  readonly role: string
  readonly content: string | null
}

/** Returns the messages of a request, oldest first. */
export function messagesOf({ body }: ReceivedRequest): readonly ChatMessage[] {
  return (body as { readonly messages: readonly ChatMessage[] }).messages
}

/** `charge seven` calls the tool `charge` with the id `charge-seven`; the tool's answer, and any other text, comes back as text. */
export function toolModel(request: ReceivedRequest): ModelAnswer {
  const last = messagesOf(request).at(-1)
  const text = String(last?.content)
  const [name = ''] = text.split(' ')
  if (last?.role !== 'user' || !tools.has(name)) return { text: `heard: ${text}` }
  return { toolCalls: [{ id: text.replaceAll(/\W+/g, '-'), name, input: name === 'spin' ? { blockMs: 1_500 } : {} }] }
}

const tools = new Set(['charge', 'lookup', 'slow', 'spin', 'bomb'])

export class Drill implements AsyncDisposable {
  readonly folder = mkdtempSync(join(tmpdir(), 'beamclaw-drill-'))
  readonly model: ModelServer
  readonly agents: AgentProcess[] = []
  readonly setup: AgentSetup

  private constructor(model: ModelServer, more: Partial<AgentSetup>) {
    this.model = model
    this.setup = { modelUrl: model.baseUrl, data: join(this.folder, 'data'), effects: join(this.folder, 'effects'), ...more }
  }

  static async begin(answers: AnswerFunction = toolModel, more: Partial<AgentSetup> = {}): Promise<Drill> {
    return new Drill(await startModelServer({ answers }), more)
  }

  /** Starts the agent on the same data as before, and waits until it is ready. */
  start(fault?: string): Promise<AgentProcess> {
    return this.launch(fault === undefined ? {} : { BEAMCLAW_FAULT: fault }).ready()
  }

  /** Starts the agent and does not wait. */
  launch(environment: Readonly<Record<string, string>> = {}, wrapper: readonly string[] = []): AgentProcess {
    const agent = new AgentProcess(this.setup, environment, wrapper)
    this.agents.push(agent)
    return agent
  }

  get data(): string {
    return this.setup.data
  }

  journal(session?: string): JournalRecord[] {
    return readJournal(this.data, session)
  }

  get effects(): readonly SideEffect[] {
    return effectsIn(this.setup.effects)
  }

  /** Broken promises of one session, given everything any process of this drill has printed. */
  problems(session = 'first'): string[] {
    const key = `agent:main:${session}`
    const records = this.journal(session)
    const receipts = this.agents.flatMap((agent) => agent.receipts(key))
    const told = this.agents.flatMap(({ lines }) =>
      lines.flatMap(({ event }) => (event?.sessionKey === key && 'seq' in event ? [event] : [])),
    )
    const first = records[0]?.seq ?? 1
    const untrue = told.filter(({ seq, runId }) => seq >= first && records[seq - first]?.data.runId !== runId)
    return [
      ...problemsIn(records, receipts, this.effects),
      ...untrue.map(({ type, seq }) => `I7: ${type} ${seq} was told, and is not there`),
    ]
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.agents.map((agent) => agent.kill()))
    await this.model.stop()
    rmSync(this.folder, { recursive: true, force: true })
  }
}
