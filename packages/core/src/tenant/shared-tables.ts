/** The tables that the nodes of a cluster share about one tenant. */
import type { SystemServices } from '@beamclaw/actor'
import type { TenantId } from '../base/ids.ts'
import type { JsonObject, JsonValue } from '../base/messages.ts'
import { Presence } from '../cluster/presence.ts'
import { ProcessGroups } from '../cluster/process-groups.ts'
import { SharedEntries } from '../cluster/shared-entries.ts'
import type { Cluster, MemberChange, NodeRef } from '../ports/cluster.ts'

type Body = { readonly [name: string]: JsonValue | undefined }

const names: readonly string[] = ['presence', 'groups']

/** Phases: `open → stopped`. Owns the tables; they outlive the incarnations of the tenant. One that was never used has no timer and sends nothing. */
export class SharedTables {
  readonly presence: Presence
  readonly groups: ProcessGroups
  readonly #tables: readonly SharedEntries[]

  constructor(tenant: TenantId, cluster: Cluster, services: SystemServices) {
    this.#tables = names.map((table) => new SharedEntries({ tenant, table, cluster, services }))
    const [present, members] = this.#tables as [SharedEntries, SharedEntries]
    this.presence = new Presence(present, () => cluster.self.id)
    this.groups = new ProcessGroups({ tenant, cluster, services, entries: members })
  }

  /** Takes what another node tells. Ignores what is for no table. */
  take(body: JsonObject, from: NodeRef): void {
    if (body.type === 'entries') this.#table(body)?.take(body, from)
    else if (body.type === 'groups.cast') this.groups.take(body)
  }

  /** Returns the entries of this node after the one that another node names; null for a table that this version does not have. */
  page(body: Body): JsonValue {
    return (this.#table(body)?.page(body.after) ?? null) as unknown as JsonValue
  }

  membersChanged(change: MemberChange): void {
    for (const table of this.#tables) table.membersChanged(change)
  }

  rejoined(): void {
    for (const table of this.#tables) table.rejoined()
  }

  stop(): void {
    for (const table of this.#tables) table.stop()
    this.groups.stop()
  }

  #table(body: Body): SharedEntries | undefined {
    return typeof body.table === 'string' ? this.#tables[names.indexOf(body.table)] : undefined
  }
}
