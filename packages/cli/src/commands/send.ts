/** `beamclaw send`: sends one message and streams its answer. */
import { randomUUID } from 'node:crypto'
import { text as textOfStream } from 'node:stream/consumers'
import { type AgentPayload, agentAccepted, agentPayload, chatPayload, type EventFrame } from '@beamclaw/protocol'
import { ClientError } from '../client/client-error.ts'
import type { GatewayClient } from '../client/gateway-client.ts'
import { ConfigError } from '../config/config-error.ts'
import { coloured, harmless, sayJson } from '../output.ts'
import { ApprovalPrompt } from './approval-prompt.ts'
import { type GatewayFlags, withGateway } from './with-gateway.ts'

export interface SendFlags extends GatewayFlags {
  readonly session?: string
  readonly agent?: string
  readonly idempotencyKey?: string
}

export async function send(message: string, flags: SendFlags): Promise<void> {
  const text = message === '-' ? (await textOfStream(process.stdin)).trimEnd() : message
  if (text === '') throw new ConfigError(['message: expected a text, is empty'])
  await withGateway(flags, (client) => talk(client, text, flags))
}

async function talk(client: GatewayClient, message: string, { session, agent, idempotencyKey, json = false }: SendFlags): Promise<void> {
  const runId = idempotencyKey ?? randomUUID()
  const where = { sessionKey: session ?? 'main', ...(agent === undefined ? {} : { agentId: agent }) }
  const printer = json ? new JsonPrinter() : new TextPrinter()
  client.onEvent((event) => printer.event(runId, event))
  using _prompt = new ApprovalPrompt(client, { runId, isJson: json, beforeText: () => printer.pause() })
  const stopListening = onInterrupt(() => void client.request('chat.abort', { ...where, runId }).catch(() => {}))
  let isAccepted = false
  const onAccepted = (payload: unknown): void => {
    isAccepted = true
    printer.accepted(agentAccepted.safeParse(payload).data?.sessionKey ?? where.sessionKey, runId)
  }
  try {
    const { status, summary, result } = await client.request('agent', { ...where, message, idempotencyKey: runId }, { onAccepted })
    const text = result?.payloads.map((payload) => payload.text).join('') ?? ''
    if (status !== 'ok') throw new ClientError(status === 'aborted' ? 'run-aborted' : 'run-failed', summary)
    printer.end(text, result?.meta.usage)
  } catch (error) {
    printer.broken()
    throw isAccepted ? explained(error, runId) : error
  } finally {
    stopListening()
  }
}

/** The first Ctrl-C aborts the run, the second ends this program. */
function onInterrupt(abort: () => void): () => void {
  let hasAborted = false
  const listener = (): void => {
    if (hasAborted) process.exit(1)
    hasAborted = true
    abort()
  }
  process.on('SIGINT', listener)
  return () => process.off('SIGINT', listener)
}

/** A message that was accepted is not lost with the connection. */
function explained(error: unknown, runId: string): unknown {
  if (!(error instanceof ClientError) || error.code !== 'connection-lost') return error
  const advice = 'the message is kept, and its run goes on with the gateway; repeat the command with'
  return new ClientError(error.code, `${error.message}; ${advice} --idempotency-key ${runId} for its answer`, error)
}

interface Printer {
  accepted(sessionKey: string, runId: string): void
  event(runId: string, event: EventFrame): void
  end(text: string, usage: unknown): void
  /** Called when the run fails. */
  broken(): void
  /** Called before something else is printed. */
  pause(): void
}

class JsonPrinter implements Printer {
  accepted(sessionKey: string, runId: string): void {
    sayJson({ type: 'accepted', sessionKey, runId })
  }

  event(runId: string, { event, payload }: EventFrame): void {
    const known =
      event === 'chat' ? chatPayload.safeParse(payload).data : event === 'agent' ? agentPayload.safeParse(payload).data : undefined
    if (known?.runId === runId) sayJson({ type: event, ...known })
  }

  end(text: string, usage: unknown): void {
    sayJson({ type: 'end', text, usage })
  }

  broken(): void {}

  pause(): void {}
}

class TextPrinter implements Printer {
  #written = ''

  accepted(): void {}

  event(runId: string, { event, payload }: EventFrame): void {
    if (event === 'agent') return this.#tool(runId, agentPayload.safeParse(payload).data)
    const chat = event === 'chat' ? chatPayload.safeParse(payload).data : undefined
    if (chat?.state !== 'delta' || chat.runId !== runId) return
    // The answer restarted: text that is on the terminal cannot be removed.
    if (chat.replace === true && this.#written !== '') this.#note('begins anew')
    this.#write(harmless(chat.deltaText))
  }

  end(text: string): void {
    // A repeated message gets its complete answer at once.
    if (this.#written === '') this.#write(harmless(text))
    this.#endLine()
  }

  broken(): void {
    this.#endLine()
  }

  pause(): void {
    this.#endLine()
  }

  #tool(runId: string, payload: AgentPayload | undefined): void {
    if (payload?.stream !== 'tool' || payload.runId !== runId) return
    const { phase, name, isError } = payload.data
    if (phase === 'start') this.#note(`calls ${String(name)}`)
    else if (isError === true) this.#note(`${String(name)} failed`)
  }

  #note(text: string): void {
    this.#endLine()
    this.#write(`${coloured('dim', `[${harmless(text)}]`)}\n`)
  }

  #write(text: string): void {
    this.#written = text === '' ? this.#written : text
    process.stdout.write(text)
  }

  #endLine(): void {
    if (this.#written !== '' && !this.#written.endsWith('\n')) this.#write('\n')
  }
}
