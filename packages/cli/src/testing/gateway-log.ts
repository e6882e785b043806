/** Waits for what a gateway's process logs. */
import { once } from 'node:events'
import type { GatewayProcess } from './gateway-process.ts'

/** One line of the log. */
export type LogLine = Readonly<Record<string, unknown>> & { readonly event: string; readonly level: string }

/** What a gateway has logged so far, of one event. */
export function logged({ output }: GatewayProcess, event: string): readonly LogLine[] {
  const lines = output().split('\n')
  return lines.flatMap((line) => (line.startsWith('{') ? [JSON.parse(line) as LogLine] : [])).filter((line) => line.event === event)
}

/** Resolves with the `count`-th line of an event, counted from 1. Rejects when the process ends before it. */
export async function logLine(gateway: GatewayProcess, event: string, count = 1): Promise<LogLine> {
  for (;;) {
    const line = logged(gateway, event)[count - 1]
    if (line !== undefined) return line
    const { stdout } = gateway.child
    if (stdout === null || gateway.child.exitCode !== null) throw new Error(`There is no line ${count} of ${event}:\n${gateway.output()}`)
    await Promise.race([once(stdout, 'data'), gateway.exited])
    await new Promise(setImmediate)
  }
}
