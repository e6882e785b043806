/** Explicit results of tools: content for the model, and whether the call failed. Any other value that a tool returns is data. */
import { aBoolean, anything, checkOptions, readOptions } from '@beamclaw/actor/internal'
import { BeamClawError } from '../base/errors.ts'
import { contentOf, type Fail, read } from '../base/message-check.ts'
import type { ContentPart } from '../base/messages.ts'

// Shared by every copy of this package in a process: a tool may import another copy.
const marker: unique symbol = Symbol.for('beamclaw.tool-reply') as never

/** Options of `toolResult`. */
export interface ToolReplyOptions {
  /** Text, or parts of text, images and files. */
  readonly content: string | readonly ContentPart[]
  /** Whether the model is told that the call failed. @default false */
  readonly isError?: boolean
}

/** The result of `toolResult`, for a tool to return. */
export interface ToolReply extends Required<ToolReplyOptions> {
  readonly [marker]: true
}

const misfit: Fail = (problem) => new BeamClawError('invalid-option', `toolResult: ${problem}`)

/**
 * Returns content that the model gets unchanged, unlike data, which it gets as JSON: text, or parts of text, images and files; `isError` tells the
 * model that the call failed. Throws `invalid-option`.
 *
 * @example
 * execute: async ({ name }) => toolResult({ content: `There is no file "${name}"`, isError: true })
 */
export function toolResult(options: ToolReplyOptions): ToolReply {
  const given = readOptions('toolResult', options)
  checkOptions<ToolReplyOptions>('toolResult', given, { content: anything, isError: aBoolean }, ['content'])
  const { content, isError = false } = given
  return Object.freeze({ [marker]: true as const, content: checkedContent(content), isError })
}

/** Returns a reply that `toolResult` of any copy of this package made, checked again; undefined for any other value. */
export function replyOf(output: unknown): Required<ToolReplyOptions> | undefined {
  if (typeof output !== 'object' || output === null || !Object.hasOwn(output, marker)) return undefined
  const { content, isError } = output as ToolReply
  return { content: checkedContent(content), isError: isError === true }
}

function checkedContent(content: unknown): ToolReplyOptions['content'] {
  return read(() => contentOf(content, 'content', misfit), 'content', misfit)
}
