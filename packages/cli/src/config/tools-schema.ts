/** The schema of the section `tools`. */
import * as z from 'zod'
import { choice, closedObject, flag, httpUrl, listOf, named, oneOfObjects, pattern, portsOrAny, text, wholeNumber } from './shapes.ts'

/** Longest wait of a timer, in milliseconds. */
export const maxTimerMs = 2_147_483_647
export const maxCount = Number.MAX_SAFE_INTEGER

/** Names of tools. */
export const toolPattern = pattern(/^[A-Za-z0-9_*-]{1,64}$/, 'the name of a tool, in which * stands for any characters')

const search = oneOfObjects(
  'type',
  [
    closedObject({ type: z.literal('brave'), apiKey: text(4_096) }),
    closedObject({ type: z.literal('tavily'), apiKey: text(4_096) }),
    closedObject({ type: z.literal('searxng'), baseUrl: httpUrl() }),
  ],
  ['brave', 'tavily', 'searxng'],
)

const webHost = pattern(/^[A-Za-z0-9.:*/[\]_-]{1,255}$/, 'a host name such as *.example.com, an address or a range')

/** Which hosts and ports a tool may reach. */
const reach = {
  allowHosts: listOf(webHost, 1_000).exactOptional(),
  denyHosts: listOf(webHost, 1_000).exactOptional(),
  ports: portsOrAny().exactOptional(),
}

const anyMcpServer = closedObject({
  command: text(4_096).exactOptional(),
  args: listOf(z.string({ error: 'a string' }), 256).exactOptional(),
  env: named(/^[A-Za-z_][A-Za-z0-9_]*$/, 'of letters, digits and _', z.string({ error: 'a string' })).exactOptional(),
  cwd: text(4_096).exactOptional(),
  url: httpUrl().exactOptional(),
  headers: named(/^[A-Za-z0-9-]{1,128}$/, 'that of a header', text(8_192)).exactOptional(),
  trustAnnotations: flag().exactOptional(),
  protocol: choice(['auto', '2025-11-25', '2026-07-28']).exactOptional(),
})

const mcpServer = anyMcpServer.refine(({ command, url }) => (command === undefined) !== (url === undefined), {
  error: 'either command, for a program of this machine, or url, for a server over HTTP',
})

const serverRule = '1 to 24 of a-z, 0-9, and single - or _ between them'

/** The groups that agents name. */
export const toolGroup = pattern(
  /^(?:exec|files|web|browser|mcp|mcp:[a-z0-9_-]{1,24})$/,
  'one of exec, files, web, browser, mcp, mcp:<server>',
)

/** The section `tools`. */
export const toolsSchema = closedObject({
  workspace: text(4_096).exactOptional(),
  exec: closedObject({
    sandbox: choice(['auto', 'bubblewrap', 'docker', 'podman', 'local', 'deny']).exactOptional(),
    image: text(512).exactOptional(),
    network: flag().exactOptional(),
    yieldAfterMs: wholeNumber(0, 600_000).exactOptional(),
    timeoutMs: wholeNumber(1, maxTimerMs).exactOptional(),
    memoryBytes: wholeNumber(1, maxCount).exactOptional(),
    maxPerSession: wholeNumber(1, 10_000).exactOptional(),
    rememberable: listOf(text(100), 1_000).exactOptional(),
  }).exactOptional(),
  files: closedObject({ readOnly: flag().exactOptional() }).exactOptional(),
  web: closedObject({
    ...reach,
    search: search.exactOptional(),
  }).exactOptional(),
  browser: closedObject({
    executablePath: text(4_096).exactOptional(),
    ...reach,
    idleMs: wholeNumber(1_000, maxTimerMs).exactOptional(),
  }).exactOptional(),
  subAgents: closedObject({
    maxDepth: wholeNumber(1, 5).exactOptional(),
    maxAtOnce: wholeNumber(1, 1_000).exactOptional(),
    timeoutMs: wholeNumber(1, maxTimerMs).exactOptional(),
    maxTurns: wholeNumber(1, maxCount).exactOptional(),
    maxTokens: wholeNumber(1, maxCount).exactOptional(),
    cleanup: choice(['keep', 'delete']).exactOptional(),
    ownTools: listOf(toolPattern, 1_000).exactOptional(),
  }).exactOptional(),
  mcp: named(/^(?=.{1,24}$)[a-z0-9]+(?:[-_][a-z0-9]+)*$/, serverRule, mcpServer).exactOptional(),
})
