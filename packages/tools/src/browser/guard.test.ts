// What a page may reach: the corpus of attacks on requests (../web/testing/ssrf-corpus.json), against a real Chromium.
import { createSocket } from 'node:dgram'
import { readFileSync } from 'node:fs'
import { request } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { BeamClawError, SystemClock, silentLogger } from '@beamclaw/core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { DeathWatch } from '../sandboxes/death-watch.ts'
import { AddressPolicy } from '../web/address-policy.ts'
import { localServer } from '../web/testing/local-server.ts'
import { type PublicWeb, publicWeb, type Scene } from '../web/testing/public-web.ts'
import { browserSettings } from './browser-settings.ts'
import { Chromium } from './chromium.ts'
import { FilteringProxy } from './filtering-proxy.ts'
import { type ActionSite, performAction } from './page-actions.ts'
import { SessionPage } from './session-page.ts'
import { noBrowser } from './testing/browser-stage.ts'

interface Attack extends Scene {
  readonly url: string
  readonly why: string
  readonly refused: string
  readonly body?: string
  readonly allowHosts?: readonly string[]
}

const corpus: { readonly refused: readonly Attack[] } = JSON.parse(
  readFileSync(new URL('../web/testing/ssrf-corpus.json', import.meta.url), 'utf8'),
)
const urlRules = ['scheme', 'syntax', 'userinfo']
// Browsers follow redirects by rules of their own; where they lead is checked like any other request. Lists of hosts differ by case.
const attacks = corpus.refused.filter(
  ({ refused, allowHosts, redirects }) =>
    !refused.startsWith('redirect-') && allowHosts === undefined && !(redirects !== undefined && urlRules.includes(refused)),
)
/** Those that a page can make of its own: what the URL itself says comes to no proxy. */
const ofPages = attacks.filter(({ refused }) => !urlRules.includes(refused)).map((one) => ({ ...one, url: new URL(one.url).href }))
const publicAddress = '93.184.216.34'

describe.skipIf(noBrowser !== undefined)(`a page ${noBrowser ?? ''}`, () => {
  let web: PublicWeb
  let stage: ReturnType<PublicWeb['stage']>
  let chromium: Chromium
  let session: SessionPage
  let site: ActionSite
  beforeAll(async () => {
    web = await publicWeb()
    stage = web.stage({})
    const settings = {
      ...browserSettings({ denyHosts: ['denied.example', '*.deny.example', '93.184.216.99'], timeoutMs: 20_000 }),
      resolve: (host: string) => stage.resolve(host),
      dial: (...[lookup, options, callback]: Parameters<typeof stage.dial>) => stage.dial(lookup, options, callback),
    }
    const clock = new SystemClock()
    const mark = 'guard-test'
    chromium = await new Chromium(settings, { clock, logger: silentLogger, mark, deathWatch: new DeathWatch(mark) }).start()
    session = await SessionPage.open(chromium)
    site = { session, settings, clock, signal: new AbortController().signal, files: [], maxImageBytes: 1_000_000 }
  })
  afterAll(async () => {
    await chromium.stop()
    await web.close()
  })

  const navigate = async (url: string): Promise<string | undefined> => {
    try {
      await performAction({ action: 'navigate', url }, site)
      return undefined
    } catch (error) {
      return BeamClawError.isInstance(error, 'url-refused') ? String(error.details.rule) : `other: ${error}`
    }
  }

  it('reaches public addresses', async () => {
    stage = web.stage({})
    expect(await navigate('http://example.com/')).toBeUndefined()
    expect(stage.seen.requests).toContain('GET example.com/')
  })

  it.each(attacks.filter(({ body }) => body === undefined))('is not opened: $url ($why)', async ({ url, refused, ...scene }) => {
    stage = web.stage(scene)
    expect(await navigate(url)).toBe(refused)
    expect(stage.seen.requests).toHaveLength(scene.redirects?.length ?? 0)
    if (scene.connectedTo === undefined) expect(stage.seen.dialed.every((address) => address === publicAddress)).toBe(true)
  })

  it('has no part that is elsewhere, and the proxy refuses each', async () => {
    let refusals = 0
    for (const { url, refused, why: _, body: __, ...scene } of ofPages) {
      stage = web.stage({})
      await performAction({ action: 'navigate', url: 'http://example.com/' }, site)
      stage = web.stage(scene)
      session.takeRefusals()
      const load = `Promise.allSettled([fetch(${JSON.stringify(url)}, { mode: 'no-cors' }),
        new Promise((done) => { const image = new Image(); image.onload = image.onerror = done; image.src = ${JSON.stringify(url)} })])`
      await performAction({ action: 'evaluate', script: load }, site)
      expect(stage.seen.requests.length, url).toBeLessThanOrEqual(2 * (scene.redirects?.length ?? 0))
      if (scene.connectedTo === undefined)
        expect(
          stage.seen.dialed.every((address) => address === publicAddress),
          url,
        ).toBe(true)
      if (session.takeRefusals().some(({ details }) => details.rule === refused)) refusals++
    }
    // A few are stopped by Chromium itself.
    expect(refusals).toBeGreaterThan(ofPages.length * 0.9)
  }, 120_000)

  it('gains nothing from a name that changes its address', async () => {
    stage = web.stage({})
    await performAction({ action: 'navigate', url: 'http://rebind.example/' }, site)
    stage = web.stage({ answers: ['127.0.0.1'] })
    session.takeRefusals()
    await performAction({ action: 'evaluate', script: `fetch('/again', { cache: 'no-store' }).then((r) => r.status)` }, site)
    expect(stage.seen.dialed).toEqual([])
    expect(session.takeRefusals().map(({ details }) => details.rule)).toContain('range')
  })

  it.each(['ws', 'wss'])('opens no %s connection to a private address', async (scheme) => {
    stage = web.stage({})
    await performAction({ action: 'navigate', url: 'http://example.com/' }, site)
    session.takeRefusals()
    const port = scheme === 'ws' ? 80 : 443
    const open = `new Promise((done) => { new WebSocket('${scheme}://10.0.0.1:${port}/').onerror = () => done('refused') })`
    expect((await performAction({ action: 'evaluate', script: open }, site)).text).toBe('"refused"')
    expect(session.takeRefusals().map(({ details }) => details.rule)).toContain('range')
    expect(stage.seen.dialed).not.toContain('10.0.0.1')
  })

  it('sends no datagrams past the proxy, and learns no address of this machine', async () => {
    const received: number[] = []
    const udp = createSocket('udp4').on('message', (message) => received.push(message.length))
    await new Promise<void>((resolve) => udp.bind(0, '127.0.0.1', resolve))
    stage = web.stage({})
    await performAction({ action: 'navigate', url: 'http://example.com/' }, site)
    const gather = `new Promise((done) => {
      const found = []
      const peer = new RTCPeerConnection({ iceServers: [{ urls: 'stun:127.0.0.1:${(udp.address() as AddressInfo).port}' }] })
      peer.createDataChannel('any')
      peer.onicecandidate = ({ candidate }) => { if (candidate === null) done(found); else found.push(candidate.candidate) }
      peer.createOffer().then((offer) => peer.setLocalDescription(offer))
    })`
    const { text = '' } = await performAction({ action: 'evaluate', script: gather }, site)
    expect(JSON.parse(text).filter((line: string) => / udp /i.test(line))).toEqual([])
    expect(received).toEqual([])
    udp.close()
  })

  it.each([
    'file:///etc/passwd',
    'chrome://version',
    'devtools://devtools',
    'view-source:http://example.com/',
    'javascript:1',
    'data:text/html,x',
    'about:blank',
  ])('is not opened by a URL of another scheme: %s', async (url) => expect(await navigate(url)).toBe('scheme'))

  it('cannot lead to a file of this machine', async () => {
    stage = web.stage({})
    await performAction({ action: 'navigate', url: 'http://example.com/' }, site)
    await performAction({ action: 'evaluate', script: `void (location.href = 'file:///etc/passwd')` }, site)
    expect(session.page.url()).toBe('http://example.com/')
    const script = `fetch('file:///etc/passwd').then(() => 'read', () => 'refused')`
    expect((await performAction({ action: 'evaluate', script }, site)).text).toBe('"refused"')
  })
})

describe('the proxy', () => {
  const policy = new AddressPolicy({ allowHosts: ['127.0.0.1'], denyHosts: [], ports: 'any', trustedHosts: [] })
  const open = async () => {
    const proxy = new FilteringProxy({ policy, resolve: async () => [], connectTimeoutMs: 5_000 })
    return { proxy, url: new URL(await proxy.listen()) }
  }
  const get = (proxy: URL, path: string, auth?: string) =>
    new Promise<number | undefined>((resolve, reject) => {
      const headers = auth === undefined ? {} : { 'proxy-authorization': `Basic ${Buffer.from(auth).toString('base64')}` }
      request({ host: proxy.hostname, port: proxy.port, path, headers }, (response) => {
        response.resume()
        resolve(response.statusCode)
      })
        .once('error', reject)
        .end()
    })

  it('serves nobody without a name and a password, and nobody any more who is dismissed', async () => {
    await using server = await localServer((_request, response) => void response.end('here'))
    const { proxy, url } = await open()
    const user = proxy.admit(() => undefined)
    expect(await get(url, server.origin)).toBe(407)
    expect(await get(url, server.origin, `${user.username}:wrong`)).toBe(407)
    expect(await get(url, server.origin, `${user.username}:${user.password}`)).toBe(200)
    proxy.dismiss(user)
    expect(await get(url, server.origin, `${user.username}:${user.password}`)).toBe(407)
    expect(server.requests).toHaveLength(1)
    expect(server.requests[0]?.headers).not.toHaveProperty('proxy-authorization')
    proxy.close()
  })

  it('opens no tunnel without a name and a password', async () => {
    await using server = await localServer((_request, response) => void response.end('here'))
    const { proxy, url } = await open()
    const socket = connect(Number(url.port), url.hostname)
    socket.write(`CONNECT 127.0.0.1:${server.port} HTTP/1.1\r\nhost: 127.0.0.1:${server.port}\r\n\r\n`)
    const [piece] = await new Promise<[Buffer]>((resolve) => socket.once('data', (data) => resolve([data])))
    expect(piece.toString()).toMatch(/^HTTP\/1\.1 407 /)
    expect(await server.connections()).toBe(0)
    socket.destroy()
    proxy.close()
  })

  it('ends its connections when it is closed', async () => {
    await using server = await localServer(() => undefined)
    const { proxy, url } = await open()
    const { username, password } = proxy.admit(() => undefined)
    const pending = get(url, server.origin, `${username}:${password}`)
    while (server.requests.length === 0) await new Promise((resolve) => setImmediate(resolve))
    proxy.close()
    await expect(pending).rejects.toThrow()
    while ((await server.connections()) > 0) await new Promise((resolve) => setImmediate(resolve))
  })
})
