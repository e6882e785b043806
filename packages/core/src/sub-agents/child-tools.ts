/** Which tools a sub-agent may call: never more than its parent, and never with fewer questions. Pure. */
import type { AgentDefinition } from '../agent/agent.ts'
import type { Tool } from '../tool/tool.ts'
import { isAllowed } from '../tool/tool-names.ts'

/** Name of the tool that spawns sub-agents. */
export const spawnToolName = 'sessions_spawn'

/** What decides about the tools of a sub-agent. */
export interface ChildToolsOptions {
  readonly parent: AgentDefinition
  readonly child: AgentDefinition
  /** Names of the tools that the parent may call now. */
  readonly parentTools: readonly string[]
  /** Patterns of names of tools that the child may have of its own. */
  readonly ownTools: readonly string[]
  /** Whether the child may spawn in its turn. */
  readonly maySpawn: boolean
}

/**
 * Returns the names of the child's tools that it may call: those of which the parent has the very same one, so that the sandbox, the limits and the approvals of
 * a tool are the parent's. One of the same name that was made with other options is another tool. A hand-off is left out: the next agent would have other tools.
 */
export function childTools({ parent, child, parentTools, ownTools, maySpawn }: ChildToolsOptions): readonly string[] {
  const names: string[] = []
  for (const [name, tool] of child.tools) {
    if (tool.handsOver === true || (name === spawnToolName && !maySpawn)) continue
    const isShared = parentTools.includes(name) && parent.tools.get(name) === tool && asksAsMuch(tool, parent, child)
    if (isShared || isAllowed(name, { allowedTools: ownTools })) names.push(name)
  }
  return names
}

/** A tool's own mode comes first, and is the same in both agents. The tenant's is not known here, so an agent without a mode may ask always or never. */
function asksAsMuch({ askMode }: Tool, parent: AgentDefinition, child: AgentDefinition): boolean {
  return askMode !== undefined || parent.askMode === child.askMode || child.askMode === 'always' || parent.askMode === 'off'
}
