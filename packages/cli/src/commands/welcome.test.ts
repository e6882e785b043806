import { defineAgent, defineTool } from '@beamclaw/core'
import { describe, expect, test } from 'vitest'
import { settingsFrom } from '../config/settings.ts'
import { welcomeText } from './welcome.ts'

const url = 'http://127.0.0.1:4123'
const tools = [defineTool({ name: 'exec', description: 'Runs a command', execute: () => '' })]
const demo = settingsFrom({}, { environment: {} })
const anthropic = settingsFrom({}, { environment: { ANTHROPIC_API_KEY: 'sk-1' } })

describe('the welcome', () => {
  test('proposes a command where the demo model may run one', () => {
    const text = welcomeText(url, defineAgent({ id: 'main', model: 'demo/demo-1', tools }), demo)
    expect(text).toContain(`beamclaw send --url ${url} "run uname -a"`)
    expect(text).toContain('asks you before')
  })

  test.each([
    ['without the tool', defineAgent({ id: 'main', model: 'demo/demo-1' }), demo],
    ['with another model', defineAgent({ id: 'main', model: 'anthropic/claude-sonnet-5', tools }), anthropic],
  ])('proposes none %s', (_, agent, settings) => {
    const text = welcomeText(url, agent, settings)
    expect(text).toContain(`It answers with ${agent.model}.`)
    expect(text).not.toContain('uname')
  })

  test('has the token in its request where one is needed, by the name of its variable', () => {
    const agent = defineAgent({ id: 'main', model: 'demo/demo-1' })
    const secret = settingsFrom({}, { environment: { BEAMCLAW_GATEWAY_TOKEN: 'a-long-token' } })
    expect(welcomeText(url, agent, secret)).toContain('-H "authorization: Bearer $BEAMCLAW_GATEWAY_TOKEN"')
    expect(welcomeText(url, agent, secret)).not.toContain('a-long-token')
    expect(welcomeText(url, agent, demo)).not.toContain('authorization')
  })
})
