/** A model server in a process of its own, which streams one answer of many pieces in each protocol, each piece in a write of its own. */
import { fork } from 'node:child_process'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setImmediate } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { ModelProcess } from './model-process.ts'

/** Pieces of one answer. */
export const pieces = 2_000

/** Starts one; resolves once it listens. */
export async function startPiecesProcess(): Promise<ModelProcess> {
  const child = fork(fileURLToPath(import.meta.url), ['serve'], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
  const url = await new Promise<string>((resolve, reject) => {
    child.once('message', (message) => resolve(String(message)))
    child.once('exit', (code) => reject(new Error(`the model server ended with ${code}`)))
  })
  return { url, stop: () => child.kill('SIGKILL') }
}

function frame(data: object, event?: string): Buffer {
  return Buffer.from(`${event === undefined ? '' : `event: ${event}\n`}data: ${JSON.stringify(data)}\n\n`)
}

const texts = Array.from({ length: pieces }, (_, index) => ` word${index % 97}`)

/** What OpenAI's Chat Completions send, with the fields that they repeat in each piece. */
function chat(): readonly Buffer[] {
  const common = {
    id: 'chatcmpl-bench',
    object: 'chat.completion.chunk',
    created: 1_790_000_000,
    model: 'scripted-1',
    system_fingerprint: null,
  }
  const chunk = (delta: object, finish_reason: string | null) =>
    frame({ ...common, choices: [{ index: 0, delta, logprobs: null, finish_reason }] })
  return [
    chunk({ role: 'assistant', content: '' }, null),
    ...texts.map((content) => chunk({ content }, null)),
    chunk({}, 'stop'),
    Buffer.from('data: [DONE]\n\n'),
  ]
}

function messages(): readonly Buffer[] {
  const named = (data: { readonly type: string; readonly [field: string]: unknown }) => frame(data, data.type)
  const usage = { input_tokens: 10, output_tokens: 1 }
  return [
    named({ type: 'message_start', message: { id: 'msg_bench', type: 'message', role: 'assistant', content: [], usage } }),
    named({ type: 'content_block_start', index: 0, content_block: { type: 'text', text: '' } }),
    ...texts.map((text) => named({ type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text } })),
    named({ type: 'content_block_stop', index: 0 }),
    named({ type: 'message_delta', delta: { stop_reason: 'end_turn', stop_sequence: null }, usage: { output_tokens: pieces } }),
    named({ type: 'message_stop' }),
  ]
}

function responses(): readonly Buffer[] {
  let sequence_number = 0
  const named = (type: string, data: object) => frame({ type, sequence_number: sequence_number++, ...data }, type)
  const place = { output_index: 0, content_index: 0, item_id: 'msg_bench' }
  const part = { type: 'output_text', annotations: [], text: texts.join('') }
  const item = { id: 'msg_bench', type: 'message', role: 'assistant', status: 'completed', content: [part] }
  const response = {
    id: 'resp_bench',
    object: 'response',
    status: 'completed',
    output: [item],
    usage: { input_tokens: 10, output_tokens: pieces },
  }
  return [
    named('response.created', { response: { ...response, status: 'in_progress', output: [] } }),
    named('response.output_item.added', { output_index: 0, item: { ...item, status: 'in_progress', content: [] } }),
    named('response.content_part.added', { ...place, part: { ...part, text: '' } }),
    ...texts.map((delta) => named('response.output_text.delta', { ...place, delta, logprobs: [], obfuscation: 'a1b2c3d4e5' })),
    named('response.output_text.done', { ...place, text: part.text, logprobs: [] }),
    named('response.content_part.done', { ...place, part }),
    named('response.output_item.done', { output_index: 0, item }),
    named('response.completed', { response }),
  ]
}

async function send(response: ServerResponse, frames: readonly Buffer[]): Promise<void> {
  response.writeHead(200, { 'content-type': 'text/event-stream' })
  for (const bytes of frames) {
    response.write(bytes)
    await setImmediate()
  }
  response.end()
}

if (process.argv[2] === 'serve') {
  const byPath: Readonly<Record<string, readonly Buffer[]>> = {
    '/v1/chat/completions': chat(),
    '/v1/messages': messages(),
    '/v1/responses': responses(),
  }
  const server = createServer((request, response) => {
    request.resume()
    void send(response, byPath[request.url ?? ''] ?? [])
  })
  server.listen(0, '127.0.0.1', () => process.send?.(`http://127.0.0.1:${(server.address() as AddressInfo).port}`))
  process.once('disconnect', () => process.exit(0))
}
