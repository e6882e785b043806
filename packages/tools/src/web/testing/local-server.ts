/** Real servers on this machine, and the options with which a guarded client may reach them. */
import { createServer, type IncomingMessage, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface LocalServer {
  readonly origin: string
  readonly port: number
  readonly requests: IncomingMessage[]
  /** Sockets that are open now. */
  connections(): Promise<number>
  close(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

/** Starts a server on the loopback address. */
export async function localServer(listener: RequestListener): Promise<LocalServer> {
  const requests: IncomingMessage[] = []
  const server = createServer((request, response) => {
    requests.push(request)
    listener(request, response)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const close = (): Promise<void> =>
    new Promise((resolve) => {
      server.close(() => resolve())
      server.closeAllConnections()
    })
  return {
    origin: `http://127.0.0.1:${port}`,
    port,
    requests,
    connections: () => new Promise((resolve, reject) => server.getConnections((error, count) => (error ? reject(error) : resolve(count)))),
    close,
    [Symbol.asyncDispose]: close,
  }
}

/** Options that let a client reach this machine, and names that end in `.test`, which point to it. */
export const localWeb = {
  allowHosts: ['127.0.0.1', '*.test'],
  ports: 'any',
  resolve: async () => [{ address: '127.0.0.1', family: 4 }],
} as const

/** The body of a request. */
export async function bodyOf(request: IncomingMessage): Promise<string> {
  const pieces: Buffer[] = []
  for await (const piece of request) pieces.push(piece as Buffer)
  return Buffer.concat(pieces).toString()
}
