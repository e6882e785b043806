/** A server of the Model Context Protocol over its input and output: a program of its own, which knows nothing of BeamClaw. */
import { McpServer } from '@modelcontextprotocol/server'
import { serveStdio } from '@modelcontextprotocol/server/stdio'
import * as z from 'zod'

const stock = new Map([
  ['apple', 12],
  ['pear', 0],
])
const text = (said: string) => ({ content: [{ type: 'text' as const, text: said }] })

serveStdio(() => {
  const server = new McpServer({ name: 'shop', version: '1.0.0' })
  server.registerTool(
    'count',
    {
      description: 'Tells how many pieces of a fruit are there',
      inputSchema: z.object({ fruit: z.string() }),
      annotations: { readOnlyHint: true },
    },
    ({ fruit }) => text(`${fruit}: ${stock.get(fruit) ?? 0}`),
  )
  server.registerTool(
    'order',
    { description: 'Orders pieces of a fruit', inputSchema: z.object({ fruit: z.string(), pieces: z.int().min(1) }) },
    ({ fruit, pieces }) => {
      stock.set(fruit, (stock.get(fruit) ?? 0) + pieces)
      return text(`${pieces} of ${fruit} are ordered`)
    },
  )
  return server
})
