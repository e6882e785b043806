import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { ConfigError } from './config-error.ts'
import { configFile, loadConfig, parseConfig } from './load.ts'

let folder: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'beamclaw-config-'))
})

afterEach(() => rmSync(folder, { recursive: true, force: true }))

function problemsOf(make: () => unknown): readonly string[] {
  try {
    make()
  } catch (error) {
    if (error instanceof ConfigError) return error.problems
    throw error
  }
  return []
}

const problemsIn = (text: string, environment = {}) => problemsOf(() => parseConfig(text, environment, 'file'))

const everything = `
gateway:
  host: 127.0.0.1
  port: 0
  auth: { mode: token, token: \${TOKEN} }
  allowedOrigins: [https://chat.example.org]
  allowedHosts: [gateway.example.org]
  drainMs: 1000
store: { type: fs, path: ./data, sync: always }
providers:
  anthropic: { type: anthropic, apiKey: \${KEY}, baseUrl: https://api.anthropic.com }
  local: { type: openai, apiKey: none, baseUrl: http://127.0.0.1:11434/v1, maxConcurrent: 8, requestsPerMinute: 60, tokensPerMinute: 100000 }
  demo: { type: demo }
prices: { anthropic/claude-sonnet-5: { input: 3, output: 15, cacheRead: 0.3, cacheWrite: 3.75 }, local/*: { input: 0, output: 0 } }
agents:
  main:
    model: local/mock-1
    fallbacks: [anthropic/claude-sonnet-5]
    system: You are \${NAME}; say $\${NAME} to nobody.
    maxTurns: 50
    thinking: low
    compactAboveTokens: 20000
    retention: { maxAgeMs: 7776000000, maxBytes: 1000000000 }
sessions: { mailboxSize: 1000, queueMode: queue, passivateAfterMs: 60000, rebalance: false }
`

describe('a configuration', () => {
  test('may hold every key there is, and takes variables from the environment', () => {
    const config = parseConfig(everything, { TOKEN: 'long-enough', KEY: 'sk-1', NAME: 'Ada' })
    expect(config.gateway?.auth).toEqual({ mode: 'token', token: 'long-enough' })
    expect(config.agents?.main?.system).toBe(`You are Ada; say \${NAME} to nobody.`)
    expect(config.providers?.local).toEqual({
      type: 'openai',
      apiKey: 'none',
      baseUrl: 'http://127.0.0.1:11434/v1',
      maxConcurrent: 8,
      requestsPerMinute: 60,
      tokensPerMinute: 100_000,
    })
  })

  test.each(['', '# nothing\n', '{}'])('may be empty: %j', (text) => {
    expect(parseConfig(text, {})).toEqual({})
  })

  test('names every variable that is not set, once, with its place', () => {
    expect(problemsIn(everything, { NAME: 'Ada' })).toEqual([
      'file:5: gateway.auth.token: the environment variable TOKEN is not set',
      'file:11: providers.anthropic.apiKey: the environment variable KEY is not set',
    ])
  })
})

describe('a problem is told with its place, what was expected and what came', () => {
  test.each([
    ['gateway: { port: 70000 }', 'file:1: gateway.port: expected a whole number from 0 to 65535, is the number 70000'],
    ['gateway: { port: "4000" }', 'file:1: gateway.port: expected a whole number from 0 to 65535, is a string of 4 characters'],
    ['workers: 0', 'file:1: workers: expected a whole number from 1 to 128, is the number 0'],
    ['workers: many', 'file:1: workers: expected a whole number from 1 to 128, or auto, is a string of 4 characters'],
    ['gateway: { port: 1.5 }', 'file:1: gateway.port: expected a whole number from 0 to 65535, is the number 1.5'],
    ['gateway:\n  host: a b', 'file:2: gateway.host: expected a host name or an IP address, is a string of 3 characters'],
    ['gateway: { auth: { mode: secret } }', 'file:1: gateway.auth.mode: expected one of token, none, is a string of 6 characters'],
    [
      'gateway: { auth: token }',
      'file:1: gateway.auth: expected an object whose "mode" is one of token, none, is a string of 5 characters',
    ],
    ['gateway: { auth: { mode: token } }', 'file:1: gateway.auth.token: expected a token of 8 to 512 printable characters, is missing'],
    [
      'gateway: { allowedOrigins: ["*"] }',
      'file:1: gateway.allowedOrigins.0: expected an origin as https://host or http://host:port, is a string of 1 character',
    ],
    ['gateway: { drainMs: -1 }', 'file:1: gateway.drainMs: expected a whole number from 0 to 3600000, is the number -1'],
    ['store: { type: mongo }', 'file:1: store.type: expected one of fs, memory, redis (there is no "mongo"), is a string of 5 characters'],
    [
      'gateway: {}\nstore: reddis',
      'file:2: store.type: expected one of fs, memory, redis (there is no "reddis"; did you mean "redis"?), is a string of 6 characters',
    ],
    [
      'store: redis://me:s3cret@cache:6379',
      'file:1: store.type: expected one of fs, memory, redis (an address belongs into store.url: write store: { type: redis, url: … }), is a string of 28 characters',
    ],
    ['cluster: { weight: 0 }', 'file:1: cluster.weight: expected a number above 0, is the number 0'],
    ['store: { type: fs, sync: never }', 'file:1: store.sync: expected one of always, batch, os, is a string of 5 characters'],
    ['providers: [demo]', 'file:1: providers: expected an object, is a list of 1'],
    [
      'providers: { "A b": { type: demo } }',
      'file:1: providers.A b: expected a name that is 1 to 64 of a-z, 0-9, "_" and "-", with a letter or digit first',
    ],
    [
      'providers: { x: { type: openai, baseUrl: "file:///etc/passwd" } }',
      'file:1: providers.x.baseUrl: expected an address that begins with http:// or https://, without a user name, is a string of 18 characters',
    ],
    [
      'providers: { x: { type: openai, baseUrl: "https://me:secret@host" } }',
      'file:1: providers.x.baseUrl: expected an address that begins with http:// or https://, without a user name, is a string of 22 characters',
    ],
    [
      'providers: { x: { type: deepseek } }',
      'file:1: providers.x.type: expected one of anthropic, openai, demo (use type: openai with dialect: deepseek), is a string of 8 characters',
    ],
    [
      'providers: { x: { type: claude } }',
      'file:1: providers.x.type: expected one of anthropic, openai, demo, is a string of 6 characters',
    ],
    ['providers: { x: { apiKey: none } }', 'file:1: providers.x.type: expected one of anthropic, openai, demo, is missing'],
    ['providers: { x: { type: anthropic } }', 'file:1: providers.x.apiKey: expected a string of 1 to 4096 characters, is missing'],
    [
      'providers: { x: { type: openai, maxConcurrent: 0 } }',
      'file:1: providers.x.maxConcurrent: expected a whole number from 1 to 9007199254740991, is the number 0',
    ],
    ['prices: { a/b: { input: -1, output: 1 } }', 'file:1: prices.a/b.input: expected a number of at least 0, is the number -1'],
    ['prices: { a/b: { input: .nan, output: 1 } }', 'file:1: prices.a/b.input: expected a number of at least 0, is the number NaN'],
    ['prices: { a: { input: 1, output: 1 } }', 'file:1: prices.a: expected a name that is a model as <provider>/<model>, or <provider>/*'],
    ['agents: { main: { model: gpt } }', 'file:1: agents.main.model: expected a model as <provider>/<model>, is a string of 3 characters'],
    [
      'agents: { main: }',
      'file:1: agents.main: expected an object with model, fallbacks, system, maxTurns, thinking, compactAboveTokens, tools, allowedTools, deniedTools, askMode, retention, skills, subAgents, is empty',
    ],
    [
      'agents: { main: { model: a/b, thinking: hard } }',
      'file:1: agents.main.thinking: expected one of off, low, medium, high, is a string of 4 characters',
    ],
    [
      'sessions: { queueMode: wait }',
      'file:1: sessions.queueMode: expected one of queue, steer, collect, interrupt, reject, is a string of 4 characters',
    ],
    ['tools: { web: { ports: [80, 0] } }', 'file:1: tools.web.ports.1: expected a whole number from 1 to 65535, is the number 0'],
    [
      'tools: { browser: { ports: all } }',
      'file:1: tools.browser.ports: expected any, or a list of at most 1000 whole numbers from 1 to 65535, is a string of 3 characters',
    ],
    [
      'tools:\n  mcp:\n    a: {}',
      'file:3: tools.mcp.a: expected either command, for a program of this machine, or url, for a server over HTTP, is an object',
    ],
    [
      'just text',
      'file:1: the whole file: expected an object with gateway, store, cluster, workers, providers, prices, budgets, agents, sessions, tools, askMode, skills, is a string of 9 characters',
    ],
    [
      '- a',
      'file:1: the whole file: expected an object with gateway, store, cluster, workers, providers, prices, budgets, agents, sessions, tools, askMode, skills, is a list of 1',
    ],
  ])('%s', (text, problem) => {
    expect(problemsIn(text)).toEqual([problem])
  })

  test('and all of them at once', () => {
    const problems = problemsIn('gateway: { port: x, hst: y }\nagents:\n  main: { model: 3 }\n')
    expect(problems.map((problem) => problem.split(': ').slice(0, 2).join(' '))).toEqual([
      'file:1 gateway.port',
      'file:1 gateway.hst',
      'file:3 agents.main.model',
    ])
  })

  test('and never with a value that may be a secret', () => {
    const secret = 'sk-very-secret'
    const texts = [
      `providers: { x: { type: anthropic, apiKey: [${secret}] } }`,
      `providers: { x: { type: ${secret} } }`,
      `gateway: { auth: { mode: token, token: "${secret} with spaces" } }`,
      `gateway: { auth: ${secret} }`,
      `gateway: { port: \${TOKEN} }`,
      `gateway: { auth: { mode: token, token: ${secret}\n} }: "${secret}" x`,
      `- "${secret}"\n${secret}`,
      `agents: { main: { model: ${secret} } }`,
    ]
    for (const text of texts) {
      const problems = problemsIn(text, { TOKEN: secret })
      expect(problems).toHaveLength(1)
      expect(problems.join()).not.toContain('very')
    }
  })
})

describe('a key that is not known', () => {
  test.each([
    ['gatway: {}', 'file:1: gatway: unknown key; did you mean "gateway"?'],
    ['gateway: { Port: 1 }', 'file:1: gateway.Port: unknown key; did you mean "port"?'],
    ['providers: { x: { type: openai, baseURL: "http://x" } }', 'file:1: providers.x.baseURL: unknown key; did you mean "baseUrl"?'],
    [
      'agents: { main: { model: a/b, prompt: x } }',
      'file:1: agents.main.prompt: unknown key; known are model, fallbacks, system, maxTurns, thinking, compactAboveTokens, tools, allowedTools, deniedTools, askMode, retention, skills, subAgents',
    ],
    [
      'constructor: 1',
      'file:1: constructor: unknown key; known are gateway, store, cluster, workers, providers, prices, budgets, agents, sessions, tools, askMode, skills',
    ],
  ])('%s', (text, problem) => {
    expect(problemsIn(text)).toEqual([problem])
  })

  test.each(['channels', 'cron', 'heartbeat', 'tenants'])('belongs to a later version: %s', (key) => {
    expect(problemsIn(`${key}: {}`)).toEqual([`file:1: ${key}: not available in this version`])
  })
})

describe('YAML that has no place in a configuration', () => {
  test('a bomb of aliases is refused, and not unfolded', () => {
    const levels = Array.from({ length: 9 }, (_, index) => `a${index + 1}: &a${index + 1} [${Array(9).fill(`*a${index}`).join(', ')}]`)
    const problems = problemsIn(`a0: &a0 [x]\n${levels.join('\n')}\n`)
    expect(problems).toHaveLength(50)
    expect(problems[0]).toBe('file:2: aliases (*name) are not allowed')
  })

  test.each([
    ['gateway: { port: 1 }\ngateway: { port: 2 }', 'file:2: the key "gateway" stands twice'],
    ['gateway:\n  port: 1\n  "port": 2', 'file:3: the key "port" stands twice'],
    ['gateway: { port: 1, port: 2 }', 'file:1: the key "port" stands twice'],
    ['providers: { __proto__: { type: demo } }', 'file:1: the key "__proto__" is not allowed'],
  ])('%s', (text, problem) => {
    expect(problemsIn(text)).toEqual([problem])
  })

  test.each(['a: [1', 'a: b: c', '\ta: 1', 'a: "x', '--- 1\n--- 2', '%YAML 9'])(
    'what is no YAML is told in lines of one line each: %j',
    (text) => {
      const problems = problemsIn(text)
      expect(problems.length).toBeGreaterThan(0)
      for (const problem of problems) expect(problem).toMatch(/^file:\d+: [^\n]+$/)
    },
  )

  test('thousands of brackets within each other are refused', () => {
    expect(problemsIn(`a: ${'['.repeat(100_000)}`)).not.toEqual([])
  })

  test('of twenty thousand wrong keys the first are told, and the number of the others', () => {
    const problems = problemsIn(Array.from({ length: 20_000 }, (_, index) => `k${index}: 1`).join('\n'))
    expect(problems).toHaveLength(51)
    expect(problems.at(-1)).toBe('file: and 19950 more')
  })

  test('what is larger than 256 KiB is refused unread', () => {
    expect(problemsIn(`# ${'x'.repeat(256 * 1024)}`)).toEqual(['file: is larger than 256 KiB'])
  })
})

describe('a configuration file', () => {
  const at = (name: string) => join(folder, name)
  const load = (name: string) => problemsOf(() => loadConfig(at(name), {}))

  test('that is not there is named', () => {
    expect(load('none.yaml')).toEqual([`${at('none.yaml')}: cannot be read: there is no such file`])
  })

  test('that is a directory is named', () => {
    mkdirSync(at('folder'))
    expect(load('folder')).toEqual([`${at('folder')}: is a directory, expected a file`])
  })

  test('that is a device is not waited for', () => {
    symlinkSync('/dev/zero', at('device'))
    expect(load('device')).toEqual([`${at('device')}: is no regular file, expected a file`])
  })

  test('whose links lead in a circle is named', () => {
    symlinkSync(at('circle'), at('circle'))
    expect(load('circle')).toEqual([`${at('circle')}: cannot be read: its symbolic links lead in a circle`])
  })

  test('that is too large is not read', () => {
    writeFileSync(at('large'), `# ${'x'.repeat(256 * 1024)}`)
    expect(load('large')).toEqual([`${at('large')}: is larger than 256 KiB`])
  })

  test('is the named one, else beamclaw.yaml in the directory', () => {
    expect(configFile('other.yaml', folder)).toBe(at('other.yaml'))
    writeFileSync(at('beamclaw.yaml'), '')
    expect(configFile(undefined, folder)).toBe(at('beamclaw.yaml'))
  })
})
