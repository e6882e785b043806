/** Real servers of which another one may become the primary: three Sentinels over two servers, and a Redis Cluster. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createClient } from '@redis/client'
import { RedisServer } from './redis-server.ts'

/** Asks until the answer is right. */
async function until(isRight: () => Promise<boolean>): Promise<void> {
  while (!(await isRight().catch(() => false))) await new Promise((resolve) => setTimeout(resolve, 20))
}

/** Resolves with ports that nothing listens on. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, '127.0.0.1'))
  await Promise.all(servers.map((server) => once(server, 'listening')))
  const ports = servers.map((server) => (server.address() as { readonly port: number }).port)
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))))
  return ports
}

async function ask(port: number, ...words: string[]): Promise<unknown> {
  const client = createClient({ socket: { host: '127.0.0.1', port, reconnectStrategy: false, tls: false }, RESP: 2 })
  client.on('error', () => undefined)
  await client.connect()
  try {
    return await client.sendCommand(words)
  } finally {
    client.destroy()
  }
}

/** Two servers, the second one a replica, and three Sentinels that promote it half a second after the first one is gone. */
export class RedisSentinels {
  readonly primary: RedisServer
  readonly replica: RedisServer
  readonly url: string
  readonly #folder: string
  readonly #sentinels: readonly ChildProcess[]
  readonly #ports: readonly number[]

  private constructor(
    primary: RedisServer,
    replica: RedisServer,
    folder: string,
    sentinels: readonly ChildProcess[],
    ports: readonly number[],
  ) {
    this.primary = primary
    this.replica = replica
    this.#folder = folder
    this.#sentinels = sentinels
    this.#ports = ports
    this.url = `redis+sentinel://${ports.map((port) => `127.0.0.1:${port}`).join(',')}/ours`
  }

  static async start(...settings: readonly string[]): Promise<RedisSentinels> {
    const [one = 0, two = 0, ...ports] = await freePorts(5)
    const primary = await RedisServer.start('--port', String(one), '--bind', '127.0.0.1', ...settings)
    const follow = ['--replicaof', '127.0.0.1', String(one), '--repl-diskless-sync-delay', '0']
    const replica = await RedisServer.start('--port', String(two), '--bind', '127.0.0.1', ...settings, ...follow)
    const folder = await mkdtemp(join(tmpdir(), 'beamclaw-sentinel-'))
    await until(async () => String(await replica.send('ROLE')).includes('connected'))
    const sentinels = await Promise.all(
      ports.map(async (port) => {
        const file = join(folder, `${port}.conf`)
        const rules = ['down-after-milliseconds ours 500', 'failover-timeout ours 5000', 'parallel-syncs ours 1']
        const lines = [
          `port ${port}`,
          'bind 127.0.0.1',
          `sentinel monitor ours 127.0.0.1 ${one} 2`,
          ...rules.map((rule) => `sentinel ${rule}`),
        ]
        await writeFile(file, `${lines.join('\n')}\n`)
        return spawn('redis-server', [file, '--sentinel', '--dir', folder], { stdio: 'ignore' })
      }),
    )
    // A failover needs the Sentinels to know each other, and the replica.
    const knowsAll = (master: string): boolean => /num-slaves,1,num-other-sentinels,2,/.test(master)
    for (const port of ports) await until(async () => knowsAll(String(await ask(port, 'SENTINEL', 'MASTER', 'ours'))))
    return new RedisSentinels(primary, replica, folder, sentinels, ports)
  }

  /** Has the Sentinels make the replica the primary, while the primary lives. */
  async failover(): Promise<unknown> {
    return await ask(this.#ports[0] as number, 'SENTINEL', 'FAILOVER', 'ours')
  }

  /** Has each Sentinel ask its clients for a password. The Sentinels themselves do not know it. */
  async protect(password: string): Promise<void> {
    for (const port of this.#ports) await ask(port, 'ACL', 'SETUSER', 'default', 'resetpass', `>${password}`)
  }

  async dispose(): Promise<void> {
    for (const sentinel of this.#sentinels) sentinel.kill('SIGKILL')
    await Promise.all([this.primary.dispose(), this.replica.dispose()])
    await rm(this.#folder, { recursive: true, force: true })
  }
}

/** Three primaries of a Redis Cluster, and a replica of the one that has the slot of `key`. */
export class RedisClusterServers {
  readonly url: string
  /** The primary of the slot of `key`. */
  readonly primary: RedisServer
  readonly replica: RedisServer
  readonly #all: readonly RedisServer[]

  private constructor(all: readonly RedisServer[], ports: readonly number[], primary: RedisServer, replica: RedisServer) {
    this.#all = all
    this.primary = primary
    this.replica = replica
    this.url = `redis+cluster://${ports.map((port) => `127.0.0.1:${port}`).join(',')}`
  }

  static async start(key: string): Promise<RedisClusterServers> {
    const ports = await freePorts(8)
    const settings = [
      '--cluster-enabled',
      'yes',
      '--cluster-node-timeout',
      '1000',
      '--bind',
      '127.0.0.1',
      '--repl-diskless-sync-delay',
      '0',
    ]
    const startOne = (port: number | undefined, bus: number | undefined): Promise<RedisServer> =>
      RedisServer.start('--port', String(port), '--cluster-port', String(bus), ...settings)
    const all = await Promise.all([0, 1, 2, 3].map((index) => startOne(ports[index], ports[index + 4])))
    const [first, second, third, replica] = all as [RedisServer, RedisServer, RedisServer, RedisServer]
    await first.send('CLUSTER', 'ADDSLOTSRANGE', '0', '5460')
    await second.send('CLUSTER', 'ADDSLOTSRANGE', '5461', '10922')
    await third.send('CLUSTER', 'ADDSLOTSRANGE', '10923', '16383')
    for (const [index, server] of all.entries()) await server.send('CLUSTER', 'SET-CONFIG-EPOCH', String(index + 1))
    for (const index of [1, 2, 3]) await first.send('CLUSTER', 'MEET', '127.0.0.1', String(ports[index]), String(ports[index + 4]))
    for (const server of all) await until(async () => String(await server.send('CLUSTER', 'INFO')).includes('cluster_state:ok'))
    const primary = [first, second, third][Math.floor(Number(await first.send('CLUSTER', 'KEYSLOT', key)) / 5_461)] as RedisServer
    const id = String(await primary.send('CLUSTER', 'MYID'))
    await until(async () => String(await replica.send('CLUSTER', 'REPLICATE', id)) === 'OK')
    await until(async () => String(await replica.send('ROLE')).includes('connected'))
    for (const server of all) await until(async () => String(await server.send('CLUSTER', 'NODES')).includes(`slave ${id}`))
    return new RedisClusterServers(all, ports.slice(0, 3), primary, replica)
  }

  async dispose(): Promise<void> {
    await Promise.all(this.#all.map((server) => server.dispose()))
  }
}
