/** `processes.*`: the background processes of the default tenant, for a gateway whose host has a `ProcessTable`. */
import { type BackgroundProcess, defaultTenant, type ProcessOutput, type ProcessTable } from '@beamclaw/core'
import { definedOnly } from '@beamclaw/core/adapter'
import { type ProcessRow, processMethods } from '@beamclaw/protocol'
import { type ImplementedMethods, implementMethods, type Publish } from './methods/implement-methods.ts'

/**
 * Returns the methods `processes.list`, `get`, `tail`, `read`, `write` and `kill` over a table, and the event `processes.changed`, for the option `methods` of `Gateway`.
 *
 * @example
 * const gateway = new Gateway({ claw, methods: [implementProcesses(processes)] })
 */
export function implementProcesses(table: ProcessTable): ImplementedMethods {
  const onStart = (publish: Publish<typeof processMethods>) =>
    table.onChange((process, tenant) => {
      if (tenant === defaultTenant) publish('processes.changed', rowOf(process))
    })
  return implementMethods(
    processMethods,
    {
      'processes.list': ({ sessionKey, agentId, running }) => {
        const all = table.of().list(definedOnly({ sessionKey, isRunning: running }))
        return { processes: all.filter(({ owner }) => agentId === undefined || owner.agentId === agentId).map(rowOf) }
      },
      'processes.get': ({ id }) => rowOf(table.of().get(id)),
      'processes.tail': ({ id, maxBytes }) => shown(id, table.of().tail(id, maxBytes)),
      'processes.read': async ({ id, from, maxBytes, waitMs = 0 }, { connection }) => {
        const options = { ...definedOnly({ from, maxBytes }), waitMs, signal: connection.signal }
        return shown(id, await table.of().poll(id, options))
      },
      'processes.write': async ({ id, text, endInput = false }) => {
        const list = table.of()
        if (text !== '') await list.write(id, text)
        if (endInput) await list.endInput(id)
        return { id }
      },
      'processes.kill': async ({ id }) => rowOf(await table.of().kill(id)),
    },
    { onStart },
  )
}

function shown(id: string, { text, from, next, total, missed, isEnd }: ProcessOutput) {
  return { id, text, from, next, total, missed, isEnd }
}

function rowOf({
  id,
  owner,
  command,
  sandbox,
  cwd,
  status,
  isBackground,
  hasTerminal,
  pid,
  startedAt,
  endedAt,
  exit,
  outputBytes,
}: BackgroundProcess): ProcessRow {
  return {
    id,
    sessionKey: owner.sessionKey,
    agentId: owner.agentId,
    command,
    sandbox,
    cwd,
    status,
    isBackground,
    hasTerminal,
    startedAtMs: Math.round(startedAt),
    outputBytes,
    ...definedOnly({
      pid,
      endedAtMs: endedAt === undefined ? undefined : Math.round(endedAt),
      exitCode: exit?.code,
      signal: exit?.signal,
      survivors: exit?.survivors,
    }),
  }
}
