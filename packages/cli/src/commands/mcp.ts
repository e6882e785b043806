/** `beamclaw mcp`: connects the servers of MCP that the configuration names, and says what they have. Needs no gateway. */
import type { McpServerReport, McpServers } from '@beamclaw/tools/mcp'
import { ClientError } from '../client/client-error.ts'
import { configFile, loadConfig } from '../config/load.ts'
import { settingsFrom } from '../config/settings.ts'
import { mcpOf } from '../configured-tools.ts'
import { createLogger } from '../logging.ts'
import { say, sayJson, sayTable, visible } from '../output.ts'

export interface McpFlags {
  readonly config?: string
  readonly json?: boolean
}

export async function listServers(flags: McpFlags): Promise<void> {
  const servers = (await (await configuredServers(flags))?.discover()) ?? []
  if (flags.json === true) return sayJson({ servers })
  if (servers.length === 0) return say('The configuration names no servers of MCP (tools.mcp)')
  sayTable(
    ['SERVER', 'STATE', 'PROTOCOL', 'TOOLS'],
    servers.map(({ server, isReady, protocol = '-', tools }) => [
      server,
      isReady ? 'ready' : 'not ready',
      visible(protocol),
      String(tools.length),
    ]),
  )
  for (const report of servers) {
    say('')
    say(`${report.server}:`)
    sayDetails(report)
  }
}

export async function testServer(name: string, flags: McpFlags): Promise<void> {
  const servers = await configuredServers(flags)
  if (servers?.servers.includes(name) !== true) {
    const known = servers?.servers.join(', ') ?? ''
    throw new ClientError('unknown-server', `The configuration names no server "${name}"${known === '' ? '' : `; there are: ${known}`}`)
  }
  const [report] = await servers.discover([name])
  if (report === undefined) return
  if (!report.isReady) process.exitCode = 1
  if (flags.json === true) return sayJson(report)
  const { isReady, protocol = '', ms, tools } = report
  say(isReady ? `${name} is ready: revision ${visible(protocol)}, ${tools.length} tools, ${ms} ms` : `${name} is not ready, after ${ms} ms`)
  sayDetails(report)
}

function sayDetails({ tools, problems, hasPrompts }: McpServerReport): void {
  for (const tool of tools) say(`  ${tool}`)
  if (hasPrompts) say('  (it has prompts, too)')
  for (const problem of problems) say(`  ! ${visible(problem)}`)
}

async function configuredServers({ config }: McpFlags): Promise<McpServers | undefined> {
  const environment = process.env
  const file = configFile(config ?? environment.BEAMCLAW_CONFIG, process.cwd())
  const { tools } = settingsFrom(file === undefined ? {} : loadConfig(file, environment), { environment, ...(file && { name: file }) })
  // The reports say what is wrong.
  return mcpOf(
    tools,
    createLogger('json', () => undefined),
  )
}
