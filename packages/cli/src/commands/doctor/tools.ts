/** Checks that the tools of the agents can work here: the sandbox of `exec`, Chromium, and, with `--online`, the servers of MCP. */
import { BeamClawError, silentLogger } from '@beamclaw/core'
import type { McpServerReport } from '@beamclaw/tools/mcp'
import { adapterProblem } from '../../config/adapter-problem.ts'
import type { Settings } from '../../config/settings.ts'
import { sandboxOf, whyNoCommands } from '../../configured-sandbox.ts'
import { mcpOf } from '../../configured-tools.ts'
import { sharedWorkspaceAdvice, unsharedWorkspace } from '../../configured-workspaces.ts'
import { visible } from '../../output.ts'
import { type Finding, ok, problem, warning } from './finding.ts'

export async function checkTools(settings: Settings, isOnline: boolean): Promise<readonly Finding[]> {
  const { agents, tools } = settings
  const groups = new Set(Object.values(agents).flatMap(({ tools: named = [] }) => named))
  const findings = await Promise.all([
    groups.has('exec') ? refusedOr('sandbox', 'exec', tools.exec, () => checkSandbox(tools)) : [],
    groups.has('browser') ? refusedOr('browser', 'browser', tools.browser, () => checkBrowser(tools)) : [],
    refusedOr('mcp', 'mcp', tools.mcp, () => checkServers(tools, isOnline)),
  ])
  return [...findings.flat(), ...workspaceFindings(settings)]
}

function workspaceFindings(settings: Settings): readonly Finding[] {
  const path = unsharedWorkspace(settings)
  if (path === undefined) return []
  return [warning('workspace', `${path} is of this machine alone: files do not move with a conversation`, sharedWorkspaceAdvice)]
}

/** Resolves with a problem in the place of what `check` finds, where an adapter refuses its options. */
async function refusedOr(
  name: string,
  section: string,
  options: object = {},
  check: () => Promise<readonly Finding[]>,
): Promise<readonly Finding[]> {
  try {
    return await check()
  } catch (error) {
    if (!BeamClawError.isInstance(error, 'invalid-option')) throw error
    const { path, text } = adapterProblem(['tools', section], options, error)
    return [problem(name, text, `correct ${path.join('.')}`)]
  }
}

async function checkSandbox(tools: Settings['tools']): Promise<readonly Finding[]> {
  const { sandbox: named = 'auto' } = tools.exec ?? {}
  const sandbox = await sandboxOf({ tools, skills: { folders: [] } }, silentLogger)
  const reason = await whyNoCommands(tools, sandbox)
  if (reason !== undefined) {
    const advice = 'commands of exec fail until that is mended, or another one is named in tools.exec.sandbox'
    return [named === 'auto' ? warning('sandbox', reason, advice) : problem('sandbox', `${named} does not work: ${reason}`, advice)]
  }
  if (named === 'deny') return [ok('sandbox', 'commands are turned off (tools.exec.sandbox: deny)')]
  const { enforces } = await sandbox.probe()
  return [ok('sandbox', `${sandbox.id}, which enforces ${enforces.length === 0 ? 'nothing' : enforces.join(', ')}`)]
}

async function checkBrowser({ browser }: Settings['tools']): Promise<readonly Finding[]> {
  const { Browsers } = await import('@beamclaw/tools/browser')
  const { executablePath = '', isAvailable, reason = 'it does not say why' } = await new Browsers(browser).probe()
  if (isAvailable) return [ok('browser', executablePath)]
  return [problem('browser', reason, 'calls of the tool browser fail until then')]
}

async function checkServers(tools: Settings['tools'], isOnline: boolean): Promise<readonly Finding[]> {
  const servers = await mcpOf(tools, silentLogger)
  if (!isOnline) return (servers?.servers ?? []).map((name) => ok(`mcp ${name}`, 'is configured (--online connects it)'))
  return ((await servers?.discover()) ?? []).map(findingOf)
}

function findingOf({ server, isReady, protocol = '', tools, problems, ms }: McpServerReport): Finding {
  const name = `mcp ${server}`
  const detail = `is ready: revision ${visible(protocol)}, ${tools.length} tools, ${ms} ms`
  const said = problems.map(visible).join('; ')
  if (!isReady) return problem(name, said, `correct tools.mcp.${server}, or start it; beamclaw mcp test ${server} tries it alone`)
  return said === '' ? ok(name, detail) : warning(name, `${detail}, but ${said}`, `correct the server, or tools.mcp.${server}`)
}
