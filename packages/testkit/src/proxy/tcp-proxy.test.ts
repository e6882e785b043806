import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { flushEventLoop, ManualClock } from '@beamclaw/core/testing'
import { afterEach, expect, test } from 'vitest'
import { TcpProxy, type TcpProxyOptions } from './tcp-proxy.ts'

/** A server that returns each line in capitals, and notes what it has read. */
class Shouting {
  readonly heard: string[] = []
  readonly ends: string[] = []
  readonly #sockets = new Set<Socket>()
  readonly #server: Server = createServer((socket) => {
    this.#sockets.add(socket)
    socket.setEncoding('utf8')
    socket.on('data', (text) => {
      this.heard.push(String(text))
      this.onHeard()
      socket.write(String(text).toUpperCase())
    })
    socket.on('error', () => this.#ended('reset'))
    socket.on('end', () => this.#ended('end'))
  })
  onHeard: () => void = () => {}
  onEnd: () => void = () => {}

  async listen(): Promise<number> {
    this.#server.listen(0, '127.0.0.1')
    await once(this.#server, 'listening')
    return (this.#server.address() as AddressInfo).port
  }

  async listenAt(path: string): Promise<void> {
    this.#server.listen(path)
    await once(this.#server, 'listening')
  }

  /** Sends to every connection. */
  say(text: string): void {
    for (const socket of this.#sockets) socket.write(text)
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    this.#server.close()
    await once(this.#server, 'close')
  }

  #ended(how: string): void {
    this.ends.push(how)
    this.onEnd()
  }
}

const stops: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const stop of stops.splice(0).toReversed()) await stop()
})

async function started(options: Partial<TcpProxyOptions> = {}) {
  const server = new Shouting()
  const port = await server.listen()
  stops.push(() => server.stop())
  const proxy = await TcpProxy.start({ target: { port }, ...options })
  stops.push(() => proxy.stop())
  return { server, proxy }
}

async function connected(proxy: TcpProxy): Promise<Socket> {
  const socket = connect(proxy.address)
  socket.setEncoding('utf8')
  socket.on('error', () => {})
  stops.push(async () => socket.destroy())
  await once(socket, 'connect')
  return socket
}

/** Resolves once the socket has closed, with an error or without. */
function closed(socket: Socket): Promise<void> {
  return new Promise((resolve) => void socket.once('close', () => resolve()))
}

async function read(socket: Socket): Promise<string> {
  const [text] = await once(socket, 'data')
  return String(text)
}

/** Resolves once the server has read something more. */
function heardBy(server: Shouting): Promise<void> {
  return new Promise((resolve) => {
    server.onHeard = resolve
  })
}

/** All that is on its way through a proxy which lets it pass has arrived: a second connection has been there and back. */
async function settled(proxy: TcpProxy): Promise<void> {
  const probe = await connected(proxy)
  probe.write('probe')
  await read(probe)
}

test('passes bytes both ways, and the end of a connection', async () => {
  const { server, proxy } = await started()
  const socket = await connected(proxy)
  socket.write('hello')
  expect(await read(socket)).toBe('HELLO')
  const large = 'x'.repeat(3_000_000)
  socket.write(large)
  let back = ''
  socket.on('data', (text) => {
    back += String(text)
  })
  while (back.length < large.length) await once(socket, 'data')
  expect(back).toBe(large.toUpperCase())
  socket.end()
  await closed(socket)
  expect([server.ends, proxy.connections]).toEqual([['end'], 0])
})

test('holds replies while requests arrive, and then passes them in order', async () => {
  const { server, proxy } = await started()
  const socket = await connected(proxy)
  proxy.hold('replies')
  const heard = heardBy(server)
  socket.write('one ')
  await heard
  await proxy.held('replies')
  socket.write('two')
  while (server.heard.join('') !== 'one two') await heardBy(server)
  await flushEventLoop()
  expect(socket.bytesRead).toBe(0)
  let back = ''
  socket.on('data', (text) => {
    back += String(text)
  })
  proxy.pass()
  while (back.length < 7) await once(socket, 'data')
  expect(back).toBe('ONE TWO')
})

test('holds requests, of later connections too, and lets them arrive when their client is gone', async () => {
  const { server, proxy } = await started()
  proxy.hold('requests')
  const socket = await connected(proxy)
  socket.end('late')
  await proxy.held('requests')
  expect([server.heard, server.ends]).toEqual([[], []])
  const ended = new Promise<void>((resolve) => {
    server.onEnd = resolve
  })
  proxy.pass('requests')
  await ended
  expect([server.heard, server.ends]).toEqual([['late'], ['end']])
})

test('swallows one direction, the end of a connection included, and passes the other', async () => {
  const { server, proxy } = await started()
  const socket = await connected(proxy)
  socket.write('first')
  await read(socket)
  proxy.swallow('requests')
  socket.end('lost')
  await once(socket, 'finish')
  await flushEventLoop()
  // What a server sends to a client that it takes for open still comes through.
  server.say('news')
  expect(await read(socket)).toBe('news')
  expect([server.heard, server.ends, proxy.connections]).toEqual([['first'], [], 1])
})

test('lets what is sent arrive late, by its clock', async () => {
  const clock = new ManualClock()
  const { server, proxy } = await started({ clock })
  const socket = await connected(proxy)
  proxy.delay(500, 'replies')
  const heard = heardBy(server)
  socket.write('slow')
  await heard
  while (clock.pendingTimers === 0) await new Promise((resolve) => setImmediate(resolve))
  await clock.advance(499)
  expect(socket.bytesRead).toBe(0)
  const reply = read(socket)
  await clock.advance(1)
  expect(await reply).toBe('SLOW')
})

test('cuts the present connections, and takes new ones', async () => {
  const { server, proxy } = await started()
  const socket = await connected(proxy)
  socket.write('a')
  await read(socket)
  const ended = new Promise<void>((resolve) => {
    server.onEnd = resolve
  })
  const end = closed(socket)
  proxy.cut()
  await end
  await ended
  expect(server.ends).toEqual(['reset'])
  await settled(proxy)
})

test('refuses new connections and keeps the present ones, until it accepts again', async () => {
  const { proxy } = await started()
  const socket = await connected(proxy)
  const { port } = proxy
  proxy.refuse()
  const refused = connect(proxy.address)
  const [error] = await once(refused, 'error')
  expect(error).toMatchObject({ code: 'ECONNREFUSED' })
  socket.write('still')
  expect(await read(socket)).toBe('STILL')
  await proxy.accept()
  expect(proxy.port).toBe(port)
  await settled(proxy)
})

test('resets its client when the server is not there', async () => {
  const { server, proxy } = await started()
  await server.stop()
  stops.shift()
  const socket = connect(proxy.address)
  const [error] = await once(socket, 'error')
  expect(error).toMatchObject({ code: 'ECONNRESET' })
})

test('leaves no connection behind when it is stopped', async () => {
  const { proxy } = await started()
  const socket = await connected(proxy)
  proxy.swallow()
  const end = closed(socket)
  await proxy.stop()
  await end
  await proxy.stop()
  expect(proxy.connections).toBe(0)
})

test('ends connections to a unix socket, which knows no reset, when they are cut and when their client is reset', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'beamclaw-proxy-'))
  stops.push(async () => rmSync(folder, { recursive: true }))
  const path = join(folder, 'socket')
  const server = new Shouting()
  await server.listenAt(path)
  stops.push(() => server.stop())
  const proxy = await TcpProxy.start({ target: { path } })
  stops.push(() => proxy.stop())
  for (const end of [() => proxy.cut(), (socket: Socket) => socket.resetAndDestroy()]) {
    const socket = await connected(proxy)
    socket.write('a')
    await read(socket)
    const ended = new Promise<void>((resolve) => {
      server.onEnd = resolve
    })
    end(socket)
    await ended
  }
  await settled(proxy)
})

test('is stopped while its connections end by themselves', async () => {
  const server = new Shouting()
  const port = await server.listen()
  stops.push(() => server.stop())
  for (let round = 0; round < 50; round++) {
    const proxy = await TcpProxy.start({ target: { port } })
    const sockets = await Promise.all([connected(proxy), connected(proxy), connected(proxy)])
    for (const socket of sockets) socket.write('a')
    await Promise.all(sockets.map(read))
    for (const [index, socket] of sockets.entries()) index % 2 === round % 2 ? socket.resetAndDestroy() : socket.end()
    for (let turn = 0; turn < round % 4; turn++) await new Promise((resolve) => setImmediate(resolve))
    await proxy.stop()
    expect(proxy.connections).toBe(0)
  }
})
