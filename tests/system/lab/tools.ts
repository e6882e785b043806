/** Tools that leave a trace of each time they run, and tools that misbehave. */
import { defineTool, type Tool, type ToolContext } from '@beamclaw/core'

/** The trace of one start of a tool. */
export interface SideEffect {
  readonly tool: string
  readonly toolCallId: string
  readonly runId: string
}

/** An agent with these tools runs `charge` and `slow` at most once for each call, and `lookup` any number of times. */
export function sideEffectTools(leave: (effect: SideEffect) => void, released: Promise<void>): Tool[] {
  const trace = (tool: string, { toolCallId, runId }: ToolContext): void => leave({ tool, toolCallId, runId })
  return [
    defineTool({
      name: 'charge',
      description: 'takes money, so never twice',
      execute: (_input, context) => {
        trace('charge', context)
        return 'charged'
      },
    }),
    defineTool({
      name: 'lookup',
      description: 'looks something up, as often as one likes',
      idempotent: true,
      execute: (_input, context) => {
        trace('lookup', context)
        return 'found'
      },
    }),
    defineTool({
      name: 'slow',
      description: 'begins, and ends when it is released',
      execute: async (_input, context) => {
        trace('slow', context)
        await released
        return 'released'
      },
    }),
    defineTool({
      name: 'bomb',
      description: 'takes the process with it, as a bug in native code would',
      idempotent: true,
      execute: (_input, context) => {
        trace('bomb', context)
        process.kill(process.pid, 'SIGKILL')
      },
    }),
    defineTool<{ readonly blockMs: number }>({
      name: 'spin',
      description: 'keeps the whole process busy',
      inputSchema: { type: 'object', properties: { blockMs: { type: 'number' } } },
      execute: ({ blockMs }, context) => {
        trace('spin', context)
        const until = performance.now() + blockMs
        while (performance.now() < until);
        return 'dizzy'
      },
    }),
  ]
}
