/** The lines between the parts of one tenant at several nodes. */
import { BeamClawError } from '../base/errors.ts'
import type { NodeId, TenantId } from '../base/ids.ts'
import type { JsonValue } from '../base/messages.ts'
import type { PartNodes } from '../part/part.ts'
import type { Cluster, NodeRef } from '../ports/cluster.ts'
import type { NodeLink } from './node-link.ts'

/** Milliseconds that a part at another node has to answer, unless the asker says otherwise. */
const answerWithinMs = 5_000

type PartHandler = (body: JsonValue) => Promise<JsonValue>

export class TenantNodes implements PartNodes {
  readonly #tenant: TenantId
  readonly #cluster: Cluster
  readonly #link: NodeLink
  readonly #handlers = new Map<string, PartHandler>()

  constructor(tenant: TenantId, cluster: Cluster, link: NodeLink) {
    this.#tenant = tenant
    this.#cluster = cluster
    this.#link = link
  }

  onLeft(listener: (nodes: readonly NodeRef[]) => void): () => void {
    return this.#link.whenMembersChange(({ left }) => {
      if (left.length > 0) listener(left)
    })
  }

  answer(partId: string, handler: PartHandler): () => void {
    this.#handlers.set(partId, handler)
    return () => {
      if (this.#handlers.get(partId) === handler) this.#handlers.delete(partId)
    }
  }

  async ask(
    partId: string,
    node: NodeId,
    body: JsonValue,
    { timeoutMs = answerWithinMs }: { readonly timeoutMs?: number } = {},
  ): Promise<JsonValue> {
    const member = this.#cluster.members.find(({ id }) => id === node)
    if (member === undefined) throw new BeamClawError('node-gone', `There is no live node "${node}"`, { details: { isUndelivered: true } })
    return this.#cluster.request(member, { type: 'part', tenant: this.#tenant, part: partId, body }, { timeoutMs })
  }

  /** Resolves with the reply to the part at another node. Rejects `unknown-message` when the part does not run here. */
  async handle(partId: JsonValue | undefined, body: JsonValue | undefined): Promise<JsonValue> {
    const handler = typeof partId === 'string' ? this.#handlers.get(partId) : undefined
    if (handler !== undefined && body !== undefined) return handler(body)
    throw new BeamClawError('unknown-message', 'The part that was asked does not run at this node, or does not answer others')
  }
}
