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
    expect(tools.of(['browser']).map(({ declaration }) => declaration.name)).toEqual(['browser'])
    expect(tools.parts.map(({ id }) => id)).toContain('browsers')
  })

  test('is there on a machine without Chromium: it is looked for when a page is opened', async () => {
    const tools = await toolsOf(
      'tools: { browser: { executablePath: /nonexistent/chromium, idleMs: 60000, allowHosts: ["*.example.com"] } }',
    )
    expect(tools.of(['browser'])).toHaveLength(1)
  })

  test('gets the options of its section', async () => {
    await expect(toolsOf('tools: { browser: { denyHosts: ["a:b:c"] } }')).rejects.toMatchObject({ code: 'invalid-option' })
  })
})
