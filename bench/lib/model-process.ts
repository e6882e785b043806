/** A model server in a process of its own, so that its work does not count as ours: asks for the tool `lookup` once, then answers. */
import { fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { startModelServer } from '@beamclaw/testkit/model-server'

export interface ModelProcess {
  /** The address, without `/v1`. */
  readonly url: string
  stop(): void
}

const answer = 'Here is what I found: the answer is forty-two, and that is all there is to say about it.'

/** Starts one; resolves once it listens. */
export async function startModelProcess(): Promise<ModelProcess> {
  const child = fork(fileURLToPath(import.meta.url), ['serve'], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
  const url = await new Promise<string>((resolve, reject) => {
    child.once('message', (message) => resolve(String(message)))
    child.once('exit', (code) => reject(new Error(`the model server ended with ${code}`)))
  })
  return { url, stop: () => child.kill('SIGKILL') }
}

if (process.argv[2] === 'serve') {
  const server = await startModelServer({
    answers: ({ body }) => {
      const { messages } = body as { readonly messages: readonly { readonly role: string }[] }
      server.requests.length = 0
      return messages.at(-1)?.role === 'tool' ? answer : { toolCalls: [{ name: 'lookup', input: { what: 'answer' } }] }
    },
  })
  process.send?.(server.url)
  process.once('disconnect', () => process.exit(0))
}
