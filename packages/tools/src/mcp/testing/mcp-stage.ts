/** Servers of the tests in a BeamClaw: calls go through a run, as those of a model do. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { BeamClaw, type ContentPart, defineAgent, type JsonObject, type Logger, type ToolResult } from '@beamclaw/core'
import { ScriptedProvider, toolAnswer } from '@beamclaw/core/testing'
import { vi } from 'vitest'
import type { McpProgram, McpServer, McpServersOptions } from '../mcp-options.ts'
import { McpServers } from '../mcp-servers.ts'

const here = (name: string): string => fileURLToPath(new URL(name, import.meta.url))

/** The server with tools of all kinds; `folder` is where it writes. */
export function testServer(folder: string, more: Partial<McpProgram> = {}, ...args: readonly string[]): McpProgram {
  return { command: process.execPath, args: [here('stdio-server.mjs'), folder, ...args], ...more }
}

/** A server that misbehaves. */
export function hostileServer(mode: string): McpProgram {
  return { command: process.execPath, args: [here('hostile-server.mjs'), mode] }
}

/** The result of a call, as the model gets it. */
export interface Called {
  readonly isError: boolean
  readonly text: string
  readonly parts: readonly ContentPart[]
}

export interface Logged {
  readonly message: string
  readonly fields: Readonly<Record<string, unknown>>
}

/** A folder for a server to write to. */
export class Scratch {
  readonly path = mkdtempSync(join(tmpdir(), 'mcp-'))

  names(): readonly string[] {
    return readdirSync(this.path)
  }

  text(name: string): string {
    return readFileSync(join(this.path, name), 'utf8')
  }

  /** Ids of all processes of the server that were ever started. */
  pids(): readonly number[] {
    return this.names().flatMap((name) => (name.startsWith('pid-') ? [Number(name.slice(4))] : []))
  }

  async until(name: string): Promise<string> {
    await vi.waitFor(() => this.text(name), { timeout: 10_000, interval: 5 })
    return this.text(name)
  }

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true, force: true })
  }
}

export async function mcpStage(
  servers: Readonly<Record<string, McpServer>>,
  { tenants = ['default'], ...options }: Partial<McpServersOptions> & { readonly tenants?: readonly [string, ...string[]] } = {},
) {
  const logged: Logged[] = []
  const logger: Logger = { log: (_level, message, fields = {}) => void logged.push({ message, fields }) }
  const mcp = new McpServers({ servers, askMode: 'off', logger, ...options })
  const reports = await mcp.discover()
  const results = new Map<string, ToolResult>()
  const wanted = new Map<string, { readonly name: string; readonly input: JsonObject }>()
  const provider = new ScriptedProvider({
    answers: ({ messages }) => {
      const last = messages.at(-1)
      const asked = messages.findLast(({ role }) => role === 'user')?.content
      const id = typeof asked === 'string' ? asked : (asked ?? []).map((part) => (part.type === 'text' ? part.text : '')).join('')
      const call = wanted.get(id)
      if (last?.role === 'tool' && last.content[0] !== undefined) {
        results.set(id, last.content[0])
        return 'done'
      }
      return call === undefined ? 'nothing' : toolAnswer(call.name, call.input)
    },
  })
  const agents = () => [defineAgent({ id: 'main', model: 'test/any', tools: mcp.tools() })]
  const claw = await new BeamClaw({
    providers: { test: provider },
    agents: agents(),
    parts: [mcp],
    tenants,
    services: { logger },
  }).start()
  let count = 0
  /** Begins a call, in a session of its own. */
  function begin(name: string, input: JsonObject = {}, tenant = tenants[0]) {
    const id = `call-${++count}`
    wanted.set(id, { name, input })
    const run = claw.tenant(tenant).session(`agent:main:${id}`).send(id)
    const over = async (): Promise<Called> => {
      await run.result()
      const { content = '', isError = true } = results.get(id) ?? {}
      const parts: readonly ContentPart[] = typeof content === 'string' ? [{ type: 'text', text: content }] : content
      return {
        isError,
        parts,
        text: parts.map((part) => (part.type === 'text' ? part.text : `[${part.type} ${part.mediaType}]`)).join('\n'),
      }
    }
    return { run, over, session: claw.tenant(tenant).session(`agent:main:${id}`) }
  }
  return {
    ...{ mcp, reports, claw, logged, begin },
    call: (name: string, input?: JsonObject, tenant?: string): Promise<Called> => begin(name, input, tenant).over(),
    updateAgents: () => claw.updateAgents(agents()),
    [Symbol.asyncDispose]: async () => void (await claw.stop()),
  }
}
