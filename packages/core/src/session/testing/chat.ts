/** A chat over real HTTP: a server in front of a session, and the AI SDK's chat as a user interface has it. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { ManualClock } from '@beamclaw/actor/testing'
import { AbstractChat, type ChatState, type ChatStatus, DefaultChatTransport, type UIMessage } from 'ai'
import { onTestFinished } from 'vitest'
import { zeroUsage } from '../../base/messages.ts'
import type { ProviderPart } from '../../ports/provider.ts'
import type { RunningBeamClaw } from '../../running-beamclaw.ts'
import { FunctionModel, stage } from '../../testing/model.ts'
import { type ScriptedAnswer, ScriptedProvider } from '../../testing/scripted-provider.ts'
import { defineTool } from '../../tool/tool.ts'
import type { SessionHandle } from '../session-handle.ts'
import { readUiMessage } from '../streams/read-ui-message.ts'
import type { RunResponseOptions } from '../streams/run-response.ts'

export const key = 'agent:main:main'
export const secret = 'sk-secret in /home/ada/.netrc'
export const finish = (reason: 'stop' | 'tool-calls'): ProviderPart => ({ type: 'finish', reason, usage: zeroUsage })
export const says = (text: string): ProviderPart => ({ type: 'text-delta', text })
export const thinks = (text: string): ProviderPart => ({ type: 'thinking-delta', text })
export const calls = (name: string, input: object = {}): ProviderPart => ({ type: 'tool-call', id: 'call', name, input: input as never })

const weather = defineTool({ name: 'weather', description: 'tells the weather', execute: () => 'rain' })
const broken = defineTool({
  name: 'broken',
  description: 'fails',
  execute: () => {
    throw new Error(secret)
  },
})

export async function sessionOf(
  ...answers: ScriptedAnswer[]
): Promise<{ session: SessionHandle; claw: RunningBeamClaw; clock: ManualClock }> {
  const provider = new ScriptedProvider({ answers })
  const { claw, clock } = await stage(new FunctionModel(() => ({})), { tools: [weather, broken] }, { providers: { test: provider } })
  onTestFinished(() => void claw.kill())
  return { session: claw.session(key), claw, clock }
}

/** Serves one chat: a message starts a run with the message id as key, and a returning reader follows the active run. */
export async function serve(session: SessionHandle, options: RunResponseOptions = {}, onDone: () => void = () => {}): Promise<string> {
  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const format = { ...options, format: 'ui-message-stream' } as const
    if (request.method === 'GET') {
      const [current] = (await session.history({ limit: 0 })).runs
      if (current === undefined) return void response.writeHead(204).end()
      return session.follow(current.runId).pipeTo(response, format)
    }
    let body = ''
    for await (const chunk of request) body += chunk
    const posted = readUiMessage(JSON.parse(body))
    await session.send(posted.content, posted.options).pipeTo(response, format)
    onDone()
  }
  const server = createServer((request, response) => void handle(request, response))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/chat`
}

class PlainState implements ChatState<UIMessage> {
  status: ChatStatus = 'ready'
  error: Error | undefined = undefined
  messages: UIMessage[]

  constructor(messages: UIMessage[]) {
    this.messages = messages
  }

  pushMessage = (message: UIMessage): void => void this.messages.push(message)
  popMessage = (): void => void this.messages.pop()
  replaceMessage = (index: number, message: UIMessage): void => void this.messages.splice(index, 1, structuredClone(message))
  snapshot = <T>(value: T): T => structuredClone(value)
}

/** `useChat` without React. */
export class PlainChat extends AbstractChat<UIMessage> {
  constructor(api: string, messages: UIMessage[] = []) {
    super({ state: new PlainState(messages), transport: new DefaultChatTransport({ api }) })
  }

  get answer(): UIMessage | undefined {
    return this.messages.findLast(({ role }) => role === 'assistant')
  }

  get parts(): object[] {
    return (this.answer?.parts ?? []).map((part) => JSON.parse(JSON.stringify(part)) as object)
  }

  get text(): string {
    return (this.answer?.parts ?? []).flatMap((part) => (part.type === 'text' ? [part.text] : [])).join('|')
  }
}

export async function until(isTrue: () => boolean): Promise<void> {
  while (!isTrue()) await new Promise((resolve) => setImmediate(resolve))
}

interface Frame {
  readonly id?: string
  readonly type: string
  readonly text?: string
}

export function framesIn(text: string): Frame[] {
  return text
    .split('\n\n')
    .filter((frame) => frame.includes('data: '))
    .map((frame) => {
      const [, id] = /^id: (.*)$/m.exec(frame) ?? []
      const data = JSON.parse(/^data: (.*)$/m.exec(frame)?.[1] ?? '') as Frame
      return { ...(id === undefined ? {} : { id }), ...data }
    })
}

export const shown = (frames: readonly Frame[]): string[] => frames.map(({ id, type }) => (id === undefined ? type : `${id} ${type}`))
