/** A process with a server of MCP, which waits to be killed. */
import { McpConnection } from '../mcp-connection.ts'
import { mcpDefaults } from '../mcp-options.ts'
import { ServerPrograms } from '../server-process.ts'
import { testServer } from './mcp-stage.ts'

const server = testServer(process.argv[2] ?? '.')
const connection = await McpConnection.open({ name: 'test', server, programs: new ServerPrograms(), limits: mcpDefaults }, () =>
  process.exit(1),
)
await connection.listTools()
process.stdout.write('ready\n')
setInterval(() => undefined, 1_000)
