/** Plays recorded answers of services to a provider, cut in several ways, and compares what it makes of them with what was written down by hand. */
import { readFileSync } from 'node:fs'
import {
  BeamClaw,
  BeamClawError,
  type ErrorCode,
  type FinishReason,
  type Message,
  type Provider,
  type Usage,
  zeroUsage,
} from '@beamclaw/core'
import { type Delivery, startModelServer } from '@beamclaw/testkit/model-server'
import { describe, expect, test } from 'vitest'
import type { HttpOptions } from '../shared/http-options.ts'

/** One recorded answer. */
export interface Recording {
  /** The file in `packages/providers/fixtures`, its body byte for byte. */
  readonly file: string
  /** Where the wire was seen: a repository and path, or a page. */
  readonly origin: string
  /** @default 200 */
  readonly status?: number
  readonly headers?: Readonly<Record<string, string>>
  /** @default 'text/event-stream' for status 200, otherwise 'application/json' */
  readonly contentType?: string
  readonly expected: ExpectedAnswer | ExpectedFailure
}

/** The answer, with everything that was in it. */
export interface ExpectedAnswer {
  readonly message: Extract<Message, { readonly role: 'assistant' }>
  readonly finish: FinishReason
  readonly usage: Partial<Usage>
}

/** The error, with words that its text must have. */
export interface ExpectedFailure {
  readonly code: ErrorCode
  readonly says?: string
  readonly details?: Readonly<Record<string, unknown>>
}

/** Where the body is cut: nowhere, after each line, after every seventh byte, and within each character of several bytes. */
const cuttings: readonly NonNullable<Delivery['chunks']>[] = ['whole', 'line', 7, 'character']

/** Declares a test for each recording and cutting. `make` gets the address of the server, a key, and `service: 'recorded'`, under which metadata is kept. */
export function testRecordings(title: string, make: (options: HttpOptions) => Provider, recordings: readonly Recording[]): void {
  describe(title, () => {
    for (const recording of recordings) {
      test.each(cuttings)(`${recording.file}, cut by %s`, (chunks) => play(make, recording, chunks))
    }
  })
}

async function play(
  make: (options: HttpOptions) => Provider,
  recording: Recording,
  chunks: NonNullable<Delivery['chunks']>,
): Promise<void> {
  const { file, status = 200, headers = {}, expected } = recording
  const contentType = recording.contentType ?? (status === 200 ? 'text/event-stream' : 'application/json')
  const body = readFileSync(new URL(`../../fixtures/${file}`, import.meta.url), 'utf8')
  const answer =
    status === 200
      ? { raw: body, headers, delivery: { chunks, contentType } }
      : { error: { status, body, headers: { 'content-type': contentType, ...headers } } }
  await using server = await startModelServer({ answers: [answer] })
  const provider = make({ baseUrl: server.baseUrl, apiKey: 'sk-recorded-0123456789', service: 'recorded' })
  const claw = await new BeamClaw({ providers: { test: provider }, agents: [{ id: 'main', model: 'test/recorded-1' }] }).start()
  try {
    const answered = await claw
      .generate({ model: 'test/recorded-1', messages: [{ role: 'user', content: 'hello' }] })
      .catch((error: unknown) => error)
    if ('code' in expected) expectFailure(answered, expected)
    else if (answered instanceof Error) throw answered
    else expect(answered).toMatchObject({ message: expected.message, finish: expected.finish, usage: { ...zeroUsage, ...expected.usage } })
    if (!('code' in expected)) expect((answered as ExpectedAnswer).message, 'nothing more').toEqual(expected.message)
  } finally {
    await claw.stop()
  }
}

function expectFailure(thrown: unknown, { code, says = '', details = {} }: ExpectedFailure): void {
  if (!BeamClawError.isInstance(thrown)) return expect.unreachable(`there was no error ${code}: ${JSON.stringify(thrown)}`)
  expect(thrown).toMatchObject({ code, details })
  expect(thrown.message).toContain(says)
}
