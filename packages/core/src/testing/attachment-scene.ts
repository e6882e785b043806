/** A BeamClaw for tests of attachments, over a store whose blobs can be watched. */
import { ManualClock } from '@beamclaw/actor/testing'
import type { AgentOptions } from '../agent/agent.ts'
import { base64Of } from '../base/base64.ts'
import type { ImagePart, Message, TextPart, ToolResult, UserMessage } from '../base/messages.ts'
import type { StoreKey } from '../ports/store-key.ts'
import type { RunningBeamClaw } from '../running-beamclaw.ts'
import { defineTool, type ToolOutput } from '../tool/tool.ts'
import { AttachmentStore, someBytes } from './attachment-store.ts'
import { FunctionModel, type ModelTurn, stage } from './model.ts'

export const key = 'agent:main:main'
export const owner = ['default', 'sessions', 'main', 'main'] as unknown as StoreKey
export const branchOwner = ['default', 'sessions', 'main', 'branch'] as unknown as StoreKey

export const image = (seed = 1, bytes = 20_000): ImagePart & { readonly data: string } => ({
  type: 'image',
  mediaType: 'image/png',
  data: base64Of(someBytes(seed, bytes)),
})
export const withImage = (...images: ImagePart[]): UserMessage['content'] => [
  { type: 'text', text: 'look' },
  ...(images.length === 0 ? [image()] : images),
]

/** A long text with characters of several bytes. */
export const longText = `beginning ${'wörter 漢字 🦀 '.repeat(4_000)}end`

export async function scene(
  answer: (messages: readonly Message[], index: number) => ModelTurn = () => ({ text: 'ok' }),
  agent: Partial<AgentOptions> = {},
) {
  const held = new AttachmentStore()
  const logged: { readonly event: string; readonly fields: unknown }[] = []
  const logger = { log: (_: string, event: string, fields: unknown) => void logged.push({ event, fields }) }
  const clock = new ManualClock()
  const model = new FunctionModel(({ messages }, index) => answer(messages, index))
  const set = await stage(model, agent, { store: held.store, services: { clock, logger: logger as never } })
  return {
    held,
    logged,
    clock,
    model,
    get claw() {
      return set.claw
    },
    restart: () => set.restart(),
  }
}

export const userContent = (messages: readonly Message[] | undefined, index = 0): UserMessage['content'] =>
  messages?.filter(({ role }) => role === 'user')[index]?.content as UserMessage['content']

export const results = (messages: readonly Message[] | undefined): readonly ToolResult[] =>
  (messages ?? []).flatMap((message) => (message.role === 'tool' ? message.content : []))

export const imageIn = (message: Message | undefined): ImagePart | undefined =>
  (message?.content as readonly (TextPart | ImagePart)[] | undefined)?.find((part) => part.type === 'image')

export async function bytesOf(claw: RunningBeamClaw, blob: string | undefined, session = key): Promise<Uint8Array | undefined> {
  const found = await claw.session(session).attachment(blob ?? '')
  if (found === undefined) return undefined
  const pieces: number[] = []
  for await (const piece of found.bytes) for (const byte of piece) pieces.push(byte)
  return Uint8Array.from(pieces)
}

/** A model that calls the tool once for each user message, then answers. */
export const callsOnce = (messages: readonly Message[], index: number): ModelTurn =>
  messages.at(-1)?.role === 'tool' ? { text: 'done' } : { calls: [{ id: `call-${index}`, name: 'look' }] }

export const look = (execute: () => ToolOutput | Promise<ToolOutput>) => [
  defineTool({ name: 'look', description: 'looks', execute: async () => execute() }),
]
