// The pages about the configuration and the command line say what the code does.
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { agentDefaults } from '@beamclaw/core'
import { usageBudgetDefaults } from '@beamclaw/model-policy'
import { anthropicProviderDefaults } from '@beamclaw/providers/anthropic'
import type { Command } from 'commander'
import { describe, expect, test } from 'vitest'
import * as z from 'zod'
import { parseConfig } from './config/load.ts'
import { configSchema } from './config/schema.ts'
import { settingDefaults, settingsFrom } from './config/settings.ts'
import { storeDefaults } from './config/store-settings.ts'
import { program } from './program.ts'

const page = (name: string) => readFileSync(fileURLToPath(new URL(`../../../docs/${name}`, import.meta.url)), 'utf8')

interface JsonSchema {
  readonly properties?: Readonly<Record<string, JsonSchema>>
  readonly additionalProperties?: JsonSchema | boolean
  readonly oneOf?: readonly JsonSchema[]
  readonly anyOf?: readonly JsonSchema[]
}

/** The path of every key that holds a value. */
function keysOf(schema: JsonSchema, path: readonly string[] = []): readonly string[] {
  const choices = schema.oneOf ?? schema.anyOf
  if (choices !== undefined) return choices.flatMap((choice) => keysOf(choice, path))
  if (schema.properties !== undefined) return Object.entries(schema.properties).flatMap(([key, value]) => keysOf(value, [...path, key]))
  if (typeof schema.additionalProperties === 'object') {
    return keysOf(schema.additionalProperties, [...path, path[0] === 'prices' ? '<model>' : '<id>'])
  }
  return [path.join('.')]
}

describe('the page about the configuration', () => {
  const rows = [...page('configuration.md').matchAll(/^\| `([a-zA-Z<>.]+)` \| .* \|([^|]*)\| (at once|after a restart) \|$/gm)]
  const documented = new Map(rows.map(([, key = '', value = '']) => [key, value.trim().replaceAll('`', '')]))

  test('has every key of the code, and no other', () => {
    const keys = new Set(keysOf(z.toJSONSchema(configSchema, { unrepresentable: 'any' }) as JsonSchema))
    expect(keys.size).toBeGreaterThan(20)
    expect([...documented.keys()].toSorted()).toEqual([...keys].toSorted())
  })

  test('has the defaults of the code', () => {
    const { host, port, drainMs } = settingDefaults
    const { dataDir } = storeDefaults
    const { auth, store, allowedOrigins, allowedHosts } = settingsFrom({}, { environment: {} })
    const expected = {
      'gateway.host': host,
      'gateway.port': port,
      'gateway.drainMs': drainMs,
      'gateway.auth.mode': auth.mode,
      'gateway.allowedOrigins': JSON.stringify(allowedOrigins),
      'gateway.allowedHosts': JSON.stringify(allowedHosts),
      'store.type': store.type,
      'store.path': dataDir,
      'budgets.<id>.per': usageBudgetDefaults.per,
      'agents.<id>.maxTurns': agentDefaults.maxTurns,
      'agents.<id>.thinking': agentDefaults.thinking,
      'agents.<id>.compactAboveTokens': agentDefaults.compactAboveTokens,
    }
    for (const [key, value] of Object.entries(expected)) expect([key, documented.get(key)]).toEqual([key, String(value)])
  })

  test('has an example that is valid', () => {
    const [, example = ''] = /```yaml\n(.*?)```/s.exec(page('configuration.md')) ?? []
    const environment = { BEAMCLAW_GATEWAY_TOKEN: 'a-secret-token', ANTHROPIC_API_KEY: 'sk-1' }
    expect(Object.keys(settingsFrom(parseConfig(example, environment), { environment }).agents)).toEqual(['main'])
  })

  test('names every variable that the code reads', () => {
    for (const name of ['CONFIG', 'HOST', 'PORT', 'GATEWAY_TOKEN', 'DATA_DIR', 'REDIS_URL', 'NODE_ID', 'DRAIN_MS', 'LOG_FORMAT', 'URL']) {
      expect(page('configuration.md')).toContain(`\`BEAMCLAW_${name}\``)
    }
  })
})

test('the pages about providers and the configuration have the defaults of Anthropic and of the deadlines', () => {
  const { baseUrl: _, maxResponseBytes: _1, maxEventBytes: _2, thinkingBudgets, ...defaults } = anthropicProviderDefaults
  const shown = Object.entries({
    ...defaults,
    ...Object.fromEntries(Object.entries(thinkingBudgets).map(([level, tokens]) => [`thinkingBudgets.${level}`, tokens])),
  })
  for (const [name, value] of shown)
    expect(page('configuration.md')).toMatch(new RegExp(`^\\| \`providers.<id>.${name}\` .*\\| \`${value}\` \\|`, 'm'))
  for (const [name, value] of Object.entries(defaults)) {
    const text = typeof value === 'string' ? `'${value}'` : String(value)
    expect(page('provider.md')).toMatch(new RegExp(`^\\| \`${name}\` +\\| \`${text}\` +\\|`, 'm'))
  }
})

describe('the page about the command line', () => {
  const commands = (command: Command): readonly Command[] =>
    command.commands.length === 0 ? [command] : command.commands.flatMap(commands)

  test.each(commands(program()).map((command) => [command.name(), command] as const))('has %s with its flags', (name, command) => {
    const text = page('cli.md')
    expect(text).toMatch(new RegExp(`^\\| \`([a-z]+ )?${name}[ \`]`, 'm'))
    for (const { long } of command.options) expect(text).toContain(long)
  })
})
