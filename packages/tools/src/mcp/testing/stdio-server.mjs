// A server of the official SDK over stdio, whose tools show what a client must bear. argv[2] is a folder that it writes to.
import { appendFileSync, existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { McpServer } from '@modelcontextprotocol/server'
import { serveStdio } from '@modelcontextprotocol/server/stdio'
import { z } from 'zod'

const [, , folder = '.', era = 'any'] = process.argv
writeFileSync(join(folder, `pid-${process.pid}`), '')
const never = () => new Promise(() => {})

serveStdio(
  () => {
    const server = new McpServer({ name: 'test', version: '1' })
    const add = (name, about, run) => server.registerTool(name, { inputSchema: z.object({ text: z.string().optional() }), ...about }, run)
    const text = (value) => ({ content: [{ type: 'text', text: value }] })
    add('echo', { description: 'Says it again', annotations: { readOnlyHint: true } }, ({ text: said = '' }) => text(`You said ${said}`))
    add('who', { description: 'Tells its process and its variables' }, () => text(JSON.stringify({ pid: process.pid, env: process.env })))
    add('key', { description: 'Writes down the key of the call' }, (_input, context) => {
      appendFileSync(join(folder, 'keys'), `${context.mcpReq._meta?.['beamclaw/callKey']}\n`)
      return text('noted')
    })
    add('fail', { description: 'Fails' }, () => ({ ...text('It did not work'), isError: true }))
    add('crash', { description: 'Ends the process', annotations: { idempotentHint: true } }, (_input, context) => {
      appendFileSync(join(folder, 'crashes'), `${context.mcpReq._meta?.['beamclaw/callKey']}\n`)
      process.exit(7)
    })
    add('hang', { description: 'Never ends' }, async (_input, { mcpReq }) => {
      writeFileSync(join(folder, 'hanging'), String(process.pid))
      mcpReq.signal.addEventListener('abort', () => writeFileSync(join(folder, 'cancelled'), ''))
      return never()
    })
    add('picture', { description: 'Shows an image' }, () => ({
      content: [
        { type: 'text', text: 'first' },
        { type: 'image', mimeType: 'image/png', data: 'iVBORw0KGgo=' },
        { type: 'audio', mimeType: 'audio/wav', data: 'UklGRg==' },
        { type: 'resource', resource: { uri: 'note://a', text: 'of a resource' } },
        { type: 'resource_link', uri: 'note://b', name: 'b' },
      ],
    }))
    server.registerTool('sum', { description: 'Adds', inputSchema: z.object({}), outputSchema: z.object({ sum: z.number() }) }, () => ({
      content: [],
      structuredContent: { sum: 3 },
    }))
    add('grow', { description: 'Adds a tool' }, () => {
      server.registerTool('grown', { description: 'New', inputSchema: z.object({}) }, () => text('new'))
      server.sendToolListChanged()
      return text('grown')
    })
    add('steps', { description: 'Reports progress' }, async (_input, { mcpReq }) => {
      const progressToken = mcpReq._meta?.progressToken
      if (progressToken !== undefined) {
        await mcpReq.notify({ method: 'notifications/progress', params: { progressToken, progress: 1, total: 2, message: 'half' } })
      }
      // Goes on when the report has arrived.
      while (!existsSync(join(folder, 'seen'))) await new Promise((resolve) => setTimeout(resolve, 5))
      return text('stepped')
    })
    server.registerResource('note', 'note://a', { description: 'A note' }, async (uri) => ({
      contents: [{ uri: uri.href, text: 'the note' }],
    }))
    server.registerPrompt('greet', { description: 'Greets', argsSchema: z.object({ name: z.string() }) }, ({ name }) => ({
      messages: [{ role: 'user', content: { type: 'text', text: `Greet ${name}` } }],
    }))
    return server
  },
  era === 'any' ? {} : { legacy: 'reject' },
)
