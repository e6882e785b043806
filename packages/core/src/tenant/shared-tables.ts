/** The tables that the nodes of a cluster share about one tenant. */
import type { SystemServices } from '@beamclaw/actor'
import { BeamClawError } from '../base/errors.ts'
import type { TenantId } from '../base/ids.ts'
import type { JsonValue } from '../base/messages.ts'
import { Presence } from '../cluster/presence.ts'
import { ProcessGroups } from '../cluster/process-groups.ts'
import { SharedEntries } from '../cluster/shared-entries.ts'
import type { Cluster, MemberChange, NodeRef } from '../ports/cluster.ts'
import type { NodeLink } from './node-link.ts'

const names = ['presence', 'groups'] as const

type Name = (typeof names)[number]

/**
 * Makes each table when the program or another node needs it first.
 *
 * Phases: `open → stopped`. Owns the tables; they outlive the incarnations of the tenant.
 */
export class SharedTables {
  readonly #tenant: TenantId
  readonly #cluster: Cluster
  readonly #services: SystemServices
  readonly #tables = new Map<Name, SharedEntries>()
  #presence: Presence | undefined
  #groups: ProcessGroups | undefined
  #isStopped = false

  constructor(tenant: TenantId, cluster: Cluster, services: SystemServices) {
    this.#tenant = tenant
    this.#cluster = cluster
    this.#services = services
  }

  get presence(): Presence {
    this.#presence ??= new Presence(this.#table('presence'), () => this.#cluster.self.id)
    return this.#presence
  }

  get groups(): ProcessGroups {
    const [tenant, cluster, services] = [this.#tenant, this.#cluster, this.#services]
    this.#groups ??= new ProcessGroups({ tenant, cluster, services, entries: this.#table('groups') })
    return this.#groups
  }

  /** Takes what another node tells. */
  take(body: { readonly [name: string]: JsonValue }, from: NodeRef): void {
    if (body.type === 'groups.cast') return this.groups.take(body)
    const name = nameIn(body.table)
    if (name !== undefined) this.#table(name).take(body, from)
  }

  /** Returns a page of the entries of this node. A table that was never used has none. */
  page(table: JsonValue | undefined, after: JsonValue | undefined): JsonValue {
    const name = nameIn(table)
    const entries = name === undefined ? undefined : this.#tables.get(name)
    return (entries?.page(after) ?? { head: 0, entries: [], isLast: true }) as unknown as JsonValue
  }

  membersChanged(change: MemberChange): void {
    for (const table of this.#tables.values()) table.membersChanged(change)
  }

  rejoined(): void {
    for (const table of this.#tables.values()) table.rejoined()
  }

  stop(): void {
    this.#isStopped = true
    for (const table of this.#tables.values()) table.stop()
  }

  #table(name: Name): SharedEntries {
    const known = this.#tables.get(name)
    if (known !== undefined) return known
    const table = new SharedEntries({ tenant: this.#tenant, table: name, cluster: this.#cluster, services: this.#services })
    this.#tables.set(name, table)
    if (this.#isStopped) table.stop()
    return table
  }
}

/** Begins to take what other nodes tell and ask of the tables. */
export function shareTables(tenants: readonly { readonly id: TenantId; readonly tables: SharedTables }[], link: NodeLink): void {
  const tablesOf = (tenant: JsonValue | undefined): SharedTables | undefined => tenants.find(({ id }) => id === tenant)?.tables
  const known = (tenant: JsonValue | undefined): SharedTables => {
    const tables = tablesOf(tenant)
    if (tables !== undefined) return tables
    throw new BeamClawError('unknown-tenant', 'This node does not have that tenant; give all nodes the same ones')
  }
  link.whenTold((body, from) => {
    if (typeof body !== 'object' || body === null || Array.isArray(body)) return
    const told = body as { readonly [name: string]: JsonValue }
    if (told.type === 'entries' || told.type === 'groups.cast') tablesOf(told.tenant)?.take(told, from)
  })
  link.answer('entries.page', async ({ tenant, table, after }) => known(tenant).page(table, after))
  link.answer('groups.call', async (body) => known(body.tenant).groups.serve(body))
  link.whenMembersChange((change) => {
    for (const { tables } of tenants) tables.membersChanged(change)
  })
}

function nameIn(value: JsonValue | undefined): Name | undefined {
  return names.find((name) => name === value)
}
