/** Tokens, as results and events count them. */
import * as z from 'zod'
import { count } from './primitives.ts'

/** What a run has used so far. */
export const usageShape = z.strictObject({ input: count, output: count, cacheRead: count, cacheWrite: count, total: count })

export type UsageShape = z.infer<typeof usageShape>
