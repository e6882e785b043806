/** `beamclaw doctor --repair`: mends a data directory that no gateway uses. */
import { BeamClawError, parseSessionKey, parseTenantId, type SessionKey, type StoreKey, sessionKeyOf, type TenantId } from '@beamclaw/core'
import { type RebuildListsProgress, rebuildLists } from '@beamclaw/core/adapter'
import { DirectoryRepair } from '@beamclaw/store-fs'
import { ClientError } from '../../client/client-error.ts'
import { type DataFlags, dataDirectoryFrom } from '../../config/data-directory.ts'
import { RepairProgress } from './repair-progress.ts'
import { RepairReport } from './repair-report.ts'

export interface RepairFlags extends DataFlags {
  readonly json?: boolean
}

/** The exit code is 1 when something damaged remains. */
export async function repair({ json = false, ...flags }: RepairFlags): Promise<void> {
  const { path, store } = dataDirectoryFrom(flags, process.env, process.cwd())
  const ending = new AbortController()
  const end = (): void =>
    ending.abort(new ClientError('repair-ended', 'The repair was ended by a signal; run it again, or start the gateway'))
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, end)
  const report = new RepairReport(json)
  const progress = new RepairProgress(json)
  try {
    const { lockWaitMs: _, ...options } = store
    const owned = await opened({ ...options, path })
    try {
      await mend(owned, report, progress, ending.signal)
    } finally {
      await owned.stop()
    }
    progress.clear()
    report.summary(path)
    if (report.isDamaged) process.exitCode = 1
  } finally {
    progress.clear()
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.off(signal, end)
  }
}

/** Rejects with what to do about a directory that is in use or cannot be opened. */
async function opened(options: Parameters<typeof DirectoryRepair.open>[0]): Promise<DirectoryRepair> {
  try {
    return await DirectoryRepair.open(options)
  } catch (error) {
    if (!BeamClawError.isInstance(error)) throw error
    const { code, details } = error
    if (code === 'store-locked') {
      const who = typeof details.pid === 'number' ? `process ${details.pid}` : 'another process'
      throw new BeamClawError('store-locked', `${options.path} is in use by ${who}: stop that gateway first. Nothing was changed`, {
        cause: error,
        details,
      })
    }
    if (code === 'log-corrupt') {
      const advice = 'nothing says whose lines are lost, so nothing was changed. Restore the data directory from a backup'
      throw new BeamClawError('log-corrupt', `${error.message}: ${advice}`, { cause: error, details })
    }
    throw error
  }
}

async function mend(owned: DirectoryRepair, report: RepairReport, progress: RepairProgress, signal: AbortSignal): Promise<void> {
  const checked = await owned.checkFiles({
    signal,
    onProgress: (now) => progress.files(now),
    onFinding: (finding) => {
      progress.clear()
      report.finding(finding, sessionOf(finding.key))
    },
  })
  report.checked(checked)
  signal.throwIfAborted()
  await owned.removeIndex()
  for (const name of await owned.tenants()) {
    const tenant = tenantOf(name)
    if (tenant !== undefined) report.tenant(tenant, await lists(owned, tenant, report, progress, signal))
  }
}

async function lists(
  owned: DirectoryRepair,
  tenant: TenantId,
  report: RepairReport,
  progress: RepairProgress,
  signal: AbortSignal,
): Promise<RebuildListsProgress> {
  return await rebuildLists(owned.store, tenant, {
    signal,
    onProgress: (now) => progress.sessions(tenant, now),
    onUnreadable: async ({ sessionKey, damage }) => {
      if (report.isReported(tenant, sessionKey)) return
      const key = keyOf(tenant, sessionKey)
      progress.clear()
      report.unreadable({ tenant, sessionKey, damage, lines: await owned.damagedLines(key, signal) })
    },
  })
}

function tenantOf(name: string): TenantId | undefined {
  try {
    const tenant = parseTenantId(name)
    return tenant === name ? tenant : undefined
  } catch {
    return undefined
  }
}

function keyOf(tenant: TenantId, sessionKey: SessionKey): StoreKey {
  const [, agent = '', ...rest] = sessionKey.split(':')
  return [tenant, 'sessions', agent, rest.join(':')]
}

/** Returns the session that a key of the store belongs to: its journal, or a document below it. */
function sessionOf(key: StoreKey | undefined): { readonly tenant: string; readonly sessionKey: SessionKey } | undefined {
  if (key === undefined || key[1] !== 'sessions' || key.length < 4) return undefined
  const [tenant, , agent = '', id = ''] = key
  try {
    return { tenant, sessionKey: parseSessionKey(sessionKeyOf(agent, id)) }
  } catch {
    return undefined
  }
}
