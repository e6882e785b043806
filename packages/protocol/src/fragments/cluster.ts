/** The methods `cluster.*`: the gateways that share one store. */
import * as z from 'zod'
import { defineMethods } from '../define-methods.ts'
import { count, nonEmpty } from '../primitives.ts'

/** A node of the cluster, and what it does; the latter is absent when it did not answer in time. */
const nodeRow = z.strictObject({
  id: nonEmpty,
  /** One life of the node. */
  incarnation: nonEmpty,
  /** True for the gateway that answers. */
  isSelf: z.boolean(),
  state: z.enum(['up', 'draining', 'isolated']),
  /** Sessions in memory, and those with a run under way or messages that wait for one. */
  sessions: count.optional(),
  busySessions: count.optional(),
  /** From 0; 1 is as much as the process can do. */
  load: z.number().min(0).optional(),
  eventLoopDelayP99Ms: z.number().min(0).optional(),
  rssBytes: count.optional(),
  uptimeMs: count.optional(),
  version: z.string().optional(),
  /** The version of the cluster's settings that it has; absent when it does not listen to them. `problem` says why it could not apply them. */
  settings: z.strictObject({ version: count, problem: z.string().optional() }).optional(),
  /** Why it did not answer. */
  problem: z.string().optional(),
})

const statusResult = z.strictObject({
  nodes: z.array(nodeRow),
  /** How many nodes the load asks for. */
  desiredNodes: count,
})

/** A supervision tree in outline: `more` children of a supervisor are not shown. Written out, for declarations cannot infer a type that contains itself. */
export interface TreeRow {
  readonly id: string
  readonly type: 'worker' | 'supervisor'
  readonly state: string
  readonly restarts: number
  readonly mailboxLength: number
  readonly children?: readonly TreeRow[] | undefined
  readonly more?: number | undefined
}

const treeOutline: z.ZodType<TreeRow> = z.strictObject({
  id: z.string(),
  type: z.enum(['worker', 'supervisor']),
  state: z.string(),
  restarts: count,
  mailboxLength: count,
  children: z.lazy(() => z.array(treeOutline)).optional(),
  more: count.optional(),
})

const treeParams = z.strictObject({
  /** Children of each supervisor that are shown; 10 without it. */
  mostChildren: z.int().min(1).max(100).optional(),
})

const treeResult = z.strictObject({
  nodes: z.array(
    z.strictObject({
      id: nonEmpty,
      isSelf: z.boolean(),
      state: z.enum(['up', 'draining']),
      tree: treeOutline.optional(),
      /** Why it did not answer. */
      problem: z.string().optional(),
    }),
  ),
})

const drainParams = z.strictObject({
  id: nonEmpty.max(64),
  /** Also the last node that takes work. */
  force: z.boolean().optional(),
})

/** Fragment of the methods `cluster.*`. */
export const clusterMethods = defineMethods({
  'cluster.status': { scope: 'operator.read', params: z.strictObject({}), result: statusResult },
  'cluster.tree': { scope: 'operator.read', params: treeParams, result: treeResult },
  'cluster.drain': { scope: 'operator.admin', params: drainParams, result: z.strictObject({ id: nonEmpty }) },
})

/** A node of the cluster. */
export type NodeRow = z.infer<typeof nodeRow>
