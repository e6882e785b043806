/** The folders that agents work in. */
import { mkdirSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { Settings } from './config/settings.ts'

type WorkspaceSettings = Pick<Settings, 'tools' | 'store' | 'agents'>

/** Returns a function that makes the folder of an agent, for its owner alone: it holds what agents work with. */
export function workspacesOf(settings: Omit<WorkspaceSettings, 'agents'>): (site: { readonly agentId: string }) => string {
  const base = workspaceFolder(settings)
  return ({ agentId }) => {
    const path = join(base, agentId)
    mkdirSync(path, { recursive: true, mode: 0o700 })
    return path
  }
}

/** Returns the folder of all: the one that is configured, else beside the sessions, else below the working directory. */
function workspaceFolder({ tools, store }: Omit<WorkspaceSettings, 'agents'>): string {
  return resolve(tools.workspace ?? (store.type === 'fs' ? join(store.path ?? '.', 'workspaces') : 'workspaces'))
}

/** The groups of tools that work with files of their agent. */
const filesGroups: ReadonlySet<string> = new Set(['exec', 'files', 'browser'])

/**
 * Returns the folder whose files stay behind when a conversation goes on at another machine: sessions are in Redis, and no `tools.workspace` names a folder that the
 * machines share. Undefined where no agent has files.
 */
export function unsharedWorkspace(settings: WorkspaceSettings): string | undefined {
  const { store, tools, agents } = settings
  if (store.type !== 'redis' || tools.workspace !== undefined) return undefined
  const hasFiles = Object.values(agents).some(({ tools: groups = [] }) => groups.some((group) => filesGroups.has(group)))
  return hasFiles ? workspaceFolder(settings) : undefined
}

export const sharedWorkspaceAdvice =
  'name a folder in tools.workspace that all machines have at the same path, such as a network file system'
