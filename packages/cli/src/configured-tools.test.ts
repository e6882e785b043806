import { silentLogger } from '@beamclaw/core'
import { describe, expect, test } from 'vitest'
import { parseConfig } from './config/load.ts'
import { settingsFrom } from './config/settings.ts'
import { ConfiguredTools } from './configured-tools.ts'

const toolsOf = async (section: string): Promise<ConfiguredTools> => {
  const text = `store: { type: memory }\nproviders: { x: { type: demo } }\nagents: { main: { model: x/y, tools: [browser] } }\n${section}`
  return ConfiguredTools.from(settingsFrom(parseConfig(text, {}, 'file'), { environment: {} }), silentLogger)
}

describe('the group browser', () => {
  test('is one tool, with the part that owns its pages', async () => {
    const tools = await toolsOf('')
    expect(tools.of({ tools: ['browser'] }).map(({ declaration }) => declaration.name)).toEqual(['browser'])
    expect(tools.parts.map(({ id }) => id)).toContain('browsers')
  })

  test('is there on a machine without Chromium: it is looked for when a page is opened', async () => {
    const tools = await toolsOf(
      'tools: { browser: { executablePath: /nonexistent/chromium, idleMs: 60000, allowHosts: ["*.example.com"] } }',
    )
    expect(tools.of({ tools: ['browser'] })).toHaveLength(1)
  })

  test('gets the options of its section', async () => {
    await expect(toolsOf('tools: { browser: { denyHosts: ["a:b:c"] } }')).rejects.toMatchObject({ code: 'invalid-option' })
  })
})

test('what a tool refuses names its section and the entry', async () => {
  await expect(toolsOf('tools: { web: { allowHosts: [example.com, "a:b:c"] } }')).rejects.toMatchObject({
    message: expect.stringContaining('; entry 2 is "a:b:c"'),
    details: { option: 'web.allowHosts' },
  })
})

test('the web reaches the ports of its section alone', async () => {
  const tools = await toolsOf('tools: { web: { ports: [8080], allowHosts: [127.0.0.1] }, browser: { ports: any } }')
  const [fetch] = tools.of({ tools: ['web'] })
  const calling = Promise.resolve(fetch?.execute({ url: 'http://127.0.0.1/' } as never, { signal: new AbortController().signal } as never))
  await expect(calling).rejects.toThrow('port 80 is not allowed (allowed: 8080)')
})

describe('the group exec', () => {
  test('gets the programs that a grant may cover besides the known ones', async () => {
    expect((await toolsOf('tools: { exec: { sandbox: local, rememberable: [kubectl] } }')).of({ tools: ['exec'] })).toHaveLength(2)
    await expect(toolsOf('tools: { exec: { sandbox: local, rememberable: [bash] } }')).rejects.toMatchObject({
      code: 'invalid-option',
      details: { owner: 'execTool', option: 'exec.rememberable' },
    })
  })
})

describe('sub-agents', () => {
  test('are two tools of the agent that names some, which may spawn those alone', async () => {
    const tools = await toolsOf('tools: { subAgents: { maxAtOnce: 2, ownTools: [web_*] } }')
    expect(tools.of({ subAgents: ['main'] }).map(({ declaration }) => declaration.name)).toEqual(['sessions_spawn', 'subagents'])
    expect(tools.of({ subAgents: ['*'] })).toHaveLength(2)
    expect(tools.of({})).toEqual([])
    expect(tools.parts.map(({ id }) => id)).toContain('sub-agents')
  })
})
