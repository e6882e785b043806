/** Token counts in results and events. */
import * as z from 'zod'
import { count } from './primitives.ts'

/** Tokens that a run has used so far. */
export const usageShape = z.strictObject({ input: count, output: count, cacheRead: count, cacheWrite: count, total: count })

/** Tokens that a run has used so far. */
export type UsageShape = z.infer<typeof usageShape>
