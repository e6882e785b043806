// The names of `@beamclaw/tools/mcp`, one by one.
export type { McpProgram, McpServer, McpServersOptions, McpService } from './mcp-options.ts'
export { type McpPrompt, type McpPromptMessage, type McpServerReport, McpServers } from './mcp-servers.ts'
