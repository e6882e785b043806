/** WebSocket upgrade requests by hand. */
import { once } from 'node:events'
import { request as httpRequest } from 'node:http'
import { connect, type Socket } from 'node:net'

export const upgradeHeaders = `Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${'A'.repeat(22)}==\r\n`

/** Returns a socket on which an upgrade was requested. */
function upgrading(url: string): Socket {
  const socket = connect(Number(new URL(url).port), '127.0.0.1')
  socket.write(`GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n${upgradeHeaders}\r\n`)
  return socket
}

/** Returns the whole response to a rejected upgrade. */
export async function upgradeAnswer(url: string): Promise<string> {
  let answer = ''
  for await (const chunk of upgrading(url)) answer += String(chunk)
  return answer
}

/** Returns a socket whose upgrade was accepted. */
export async function upgraded(url: string): Promise<Socket> {
  const socket = upgrading(url)
  await once(socket, 'data')
  return socket
}

/** Returns the status of the response to an upgrade request. */
export async function upgradeStatus(url: string, headers: Readonly<Record<string, string>>): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>()
  const key = `${'A'.repeat(22)}==`
  const request = httpRequest(url, {
    headers: { connection: 'Upgrade', upgrade: 'websocket', 'sec-websocket-version': '13', 'sec-websocket-key': key, ...headers },
  })
  request.on('upgrade', (response, socket) => {
    socket.destroy()
    resolve(response.statusCode ?? 0)
  })
  request.on('response', (response) => {
    response.resume()
    resolve(response.statusCode ?? 0)
  })
  request.on('error', reject)
  request.end()
  return promise
}
