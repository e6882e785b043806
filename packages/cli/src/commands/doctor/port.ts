/** Checks the port: free, taken by a gateway, or taken by another program. */
import { once } from 'node:events'
import { createServer } from 'node:net'
import { reachGateway } from '../../client/reach-gateway.ts'
import { type Finding, ok, problem, warning } from './finding.ts'

const timeoutMs = 2_000

export async function checkPort(host: string, port: number): Promise<Finding> {
  if (port === 0) return ok('port', 'any free one')
  const code = await whyNotOpened(host, port)
  if (code === undefined) return ok('port', `${port} on ${host} is free`)
  if (code !== 'EADDRINUSE') {
    return problem('port', `${port} on ${host} cannot be opened (${code})`, 'choose another port or host, or run as a user who may open it')
  }
  try {
    const { version } = await reachGateway(`http://${host.includes(':') ? `[${host}]` : host}:${port}`, timeoutMs)
    const advice = 'to start another one, stop it first or choose another port with --port'
    return warning('port', `${port} on ${host} is taken by a running gateway of version ${version}`, advice)
  } catch {
    return problem('port', `${port} on ${host} is taken by another program`, 'stop that program, or choose another port with --port')
  }
}

async function whyNotOpened(host: string, port: number): Promise<string | undefined> {
  const server = createServer().listen(port, host)
  try {
    await once(server, 'listening')
    return undefined
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? 'unknown'
  } finally {
    server.close()
  }
}
