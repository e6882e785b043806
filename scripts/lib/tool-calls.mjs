// Starts a gateway by the program that is given, and has its demo model call each tool once. Prints what does not work, and ends with 1 then.
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, renameSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { text } from 'node:stream/consumers'

const [bin, folder] = process.argv.slice(2)
const problems = []

// Both servers of MCP have these answers, the one over HTTP and the one over standard input.
const answers = {
  initialize: { protocolVersion: '2025-11-25', capabilities: { tools: {} }, serverInfo: { name: 'small', version: '1' } },
  'tools/list': { tools: [{ name: 'greet', inputSchema: { type: 'object' } }] },
  'tools/call': { content: [{ type: 'text', text: 'Good day' }] },
}
const answerTo = ({ id, method }) => ({
  jsonrpc: '2.0',
  id,
  ...(method in answers ? { result: answers[method] } : { error: { code: -32_601, message: 'There is no such method' } }),
})

const program = `
import { createInterface } from 'node:readline'
const answers = ${JSON.stringify(answers)}
const answerTo = ${answerTo}
createInterface({ input: process.stdin }).on('line', (line) => {
  const message = JSON.parse(line)
  if (message.id !== undefined) console.log(JSON.stringify(answerTo(message)))
})
`

const page =
  '<html><head><title>A page</title></head><body><article><h1>Rooks</h1><p>They walk <b>straight</b>.</p></article></body></html>'

const server = createServer(async (request, response) => {
  const reply = (status, type, body) => response.writeHead(status, { 'content-type': type }).end(body)
  if (request.url.startsWith('/search')) {
    return reply(
      200,
      'application/json',
      JSON.stringify({ results: [{ title: 'Rooks', url: 'http://rooks.example/', content: 'Straight.' }] }),
    )
  }
  if (request.url !== '/mcp') return reply(200, 'text/html', page)
  if (request.method !== 'POST') return reply(405, 'text/plain', '')
  const message = JSON.parse(await text(request))
  if (message.id === undefined) return reply(202, 'text/plain', '')
  reply(200, 'application/json', JSON.stringify(answerTo(message)))
}).listen(0, '127.0.0.1')
await once(server, 'listening')
const { port } = server.address()
const here = `http://127.0.0.1:${port}`

mkdirSync(join(folder, 'skills', 'counting'), { recursive: true })
writeFileSync(
  join(folder, 'skills', 'counting', 'SKILL.md'),
  '---\nname: counting\ndescription: Counts sheep\n---\nCount each sheep once.\n',
)
writeFileSync(join(folder, 'small-server.mjs'), program)
const reach = { allowHosts: ['127.0.0.1'], ports: [port] }
// JSON is YAML.
const configuration = {
  gateway: { port: 0 },
  store: { type: 'memory' },
  providers: { demo: { type: 'demo' } },
  agents: {
    main: { model: 'demo/demo-1', tools: ['exec', 'files', 'web', 'browser', 'mcp'], skills: ['*'], subAgents: ['main'], askMode: 'off' },
  },
  tools: {
    workspace: join(folder, 'workspaces'),
    // No package of the system is needed for it.
    exec: { sandbox: 'local' },
    web: { ...reach, search: { type: 'searxng', baseUrl: here } },
    browser: reach,
    mcp: { near: { command: process.execPath, args: [join(folder, 'small-server.mjs')] }, far: { url: `${here}/mcp` } },
  },
  skills: { folders: [join(folder, 'skills')] },
}
writeFileSync(join(folder, 'tools.yaml'), JSON.stringify(configuration))

const hasChromium = spawnSync('chromium', ['--version'], { stdio: 'ignore' }).status === 0
const terminal = { command: 'if test -t 0; then echo has a terminal; else echo has pipes; fi', pty: true }

await withGateway(async (call) => {
  await call('web_fetch', { url: `${here}/page` }, /\*\*straight\*\*/)
  await call('web_search', { query: 'rooks' }, /rooks\.example/)
  await call('mcp__far__greet', {}, /Good day/)
  await call('mcp__near__greet', {}, /Good day/)
  await call('exec', terminal, /has a terminal/)
  await call('write_file', { path: 'sheep.txt', content: 'one\ntwo' }, /sheep\.txt/)
  await call('search_files', { query: 't.o', regex: true }, /sheep\.txt/)
  await call('load_skill', { name: 'counting' }, /Count each sheep once/)
  await call('sessions_spawn', { task: 'call write_file {"path":"by-child.txt","content":"x"}' }, /in the background/, 'parent')
  await call('subagents', { action: 'list' }, /has completed its task/, 'parent', 100)
  if (hasChromium) await call('browser', { action: 'navigate', url: `${here}/page` }, /Rooks/)
  else console.error('There is no chromium: the tool browser is not called')
})

// What a user may leave out may be missing.
const optional = ['@lydell', 'playwright-core'].map((name) => join(folder, 'node_modules', name))
for (const path of optional) renameSync(path, `${path}-away`)
await withGateway(async (call) => {
  await call('exec', terminal, /has pipes/)
  await call('browser', { action: 'navigate', url: `${here}/page` }, /npm install/)
})
for (const path of optional) renameSync(`${path}-away`, path)

server.close()
server.closeAllConnections()
for (const problem of problems) console.log(problem)
process.exit(problems.length === 0 ? 0 : 1)

async function withGateway(use) {
  const gateway = spawn(process.execPath, [bin, 'start', '--config', join(folder, 'tools.yaml'), '--log-format', 'json'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const lines = []
  const exited = once(gateway, 'exit')
  const url = await new Promise((resolve, reject) => {
    createInterface({ input: gateway.stdout }).on('line', (line) => {
      lines.push(line)
      const { event, url } = JSON.parse(line)
      if (event === 'gateway.ready') resolve(url)
    })
    exited.then(([code]) => reject(new Error(`the gateway ended with ${code}: ${lines.join('\n')}`)))
  })
  try {
    await use((...of) => call(url, ...of))
  } finally {
    gateway.kill('SIGTERM')
    await exited
  }
}

/** Calls a tool in a session, and once more where the answer is not yet there. */
async function call(url, tool, input, expected, session = tool, attempts = 1) {
  const response = await fetch(`${url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-beamclaw-session-key': `agent:main:${session}` },
    body: JSON.stringify({ model: 'beamclaw', messages: [{ role: 'user', content: `call ${tool} ${JSON.stringify(input)}` }] }),
  })
  const answer = await response.text()
  if (expected.test(answer)) return
  if (attempts > 1) return await call(url, tool, input, expected, session, attempts - 1)
  problems.push(`${tool} does not work: ${answer.slice(0, 1_500)}`)
}
