/** A Redis of the example's own, in a folder that goes with it. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

export async function startRedis(folder: string): Promise<ChildProcess> {
  const socket = join(folder, 'redis.sock')
  const server = spawn(
    'redis-server',
    ['--port', '0', '--unixsocket', socket, '--dir', folder, '--appendonly', 'yes', '--appendfsync', 'always'],
    {
      stdio: 'ignore',
    },
  )
  await once(server, 'spawn').catch(() => {
    throw new Error('There is no redis-server here: install it (apt install redis-server, brew install redis), or give REDIS_URL')
  })
  while (!existsSync(socket)) await sleep(20)
  return server
}
