import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type ModelAnswer, type ModelServer, startModelServer } from '@beamclaw/testkit/model-server'
import { type GatewayProcess, logged, logLine, startGateway } from 'beamclaw/testing'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'

let folder: string
let file: string
let model: ModelServer
let gateway: GatewayProcess
let answer: () => ModelAnswer | Promise<ModelAnswer>

interface Edit {
  readonly system?: string
  readonly apiKey?: string
  readonly more?: string
}

function text({ system = 'first', apiKey = 'none', more = '' }: Edit = {}): string {
  const local = `{ type: openai, apiKey: ${apiKey}, baseUrl: '${model.baseUrl}' }`
  return `providers: { local: ${local} }\nagents: { main: { model: local/scripted-1, system: ${system} } }\n${more}\n`
}

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'beamclaw-reload-'))
  file = join(folder, 'beamclaw.yaml')
  answer = () => ({ text: 'fine' })
  model = await startModelServer({ answers: () => answer() })
  writeFileSync(file, text())
  gateway = await startGateway(['--config', file, '--data-dir', join(folder, 'data')])
})

afterEach(async () => {
  gateway.child.kill('SIGKILL')
  await gateway.exited
  await model.stop()
  rmSync(folder, { recursive: true, force: true })
})

/** Sends a message; returns the system prompt of its model request. */
async function ask(): Promise<string> {
  const response = await fetch(`${gateway.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-beamclaw-session-key': 'agent:main:first' },
    body: JSON.stringify({ model: 'beamclaw', messages: [{ role: 'user', content: 'hello' }] }),
  })
  expect(response.status, await response.text()).toBe(200)
  return systemOf(-1)
}

function systemOf(index: number): string {
  const body = model.requests.at(index)?.body as { readonly messages: readonly { readonly content: string }[] } | undefined
  return body?.messages[0]?.content ?? ''
}

describe('an edit of the configuration file', () => {
  test('holds without a restart, and is logged as one line that names what changed', async () => {
    expect(await ask()).toBe('first')
    writeFileSync(file, text({ system: 'second', more: 'prices: { local/*: { input: 1, output: 2 } }' }))
    expect(await logLine(gateway, 'config.reloaded')).toMatchObject({ level: 'info', file, changed: 'prices.local/*, agents.main' })
    expect(await ask()).toBe('second')
  })

  test('also when the editor puts another file in its place', async () => {
    for (const [index, system] of ['second', 'third'].entries()) {
      writeFileSync(`${file}.new`, text({ system }))
      renameSync(`${file}.new`, file)
      await logLine(gateway, 'config.reloaded', index + 1)
      expect(await ask()).toBe(system)
    }
  })

  test('also when the file is a link to one that is elsewhere', async () => {
    const [elsewhere, link] = [join(folder, 'elsewhere'), join(folder, 'link.yaml')]
    mkdirSync(elsewhere)
    writeFileSync(join(elsewhere, 'real.yaml'), text())
    symlinkSync(join(elsewhere, 'real.yaml'), link)
    gateway.child.kill('SIGKILL')
    await gateway.exited
    gateway = await startGateway(['--config', link, '--data-dir', join(folder, 'data')])
    writeFileSync(join(elsewhere, 'real.yaml'), text({ system: 'second' }))
    await logLine(gateway, 'config.reloaded')
    expect(await ask()).toBe('second')
  })

  test('that is not valid keeps the last good settings, says why, and harms nothing that follows', async () => {
    writeFileSync(file, text({ system: 'second', more: 'gatway: {}' }))
    expect(await logLine(gateway, 'config.invalid')).toMatchObject({
      level: 'error',
      problems: `${file}:3: gatway: unknown key; did you mean "gateway"?`,
      effect: 'the last good settings stay',
    })
    expect(await ask()).toBe('first')
    rmSync(file)
    await logLine(gateway, 'config.invalid', 2)
    expect(await ask()).toBe('first')
    writeFileSync(file, text({ system: 'third' }))
    await logLine(gateway, 'config.reloaded')
    expect(await ask()).toBe('third')
  })

  test('of a key is told once as waiting for a restart, without the key, while the rest holds', async () => {
    writeFileSync(file, text({ apiKey: 'sk-secret', system: 'second' }))
    await logLine(gateway, 'config.reloaded')
    writeFileSync(file, text({ apiKey: 'sk-secret', system: 'third' }))
    await logLine(gateway, 'config.reloaded', 2)
    expect(await ask()).toBe('third')
    expect(model.requests.at(-1)?.headers.authorization).toBe('Bearer none')
    expect(logged(gateway, 'config.restart-needed')).toMatchObject([{ level: 'warn', waiting: 'providers.local' }])
    expect(gateway.output()).not.toContain('sk-secret')
  })

  test('leaves a run that is under way as it began, and holds for the next one', async () => {
    const asked = Promise.withResolvers<void>()
    const held = Promise.withResolvers<ModelAnswer>()
    answer = () => {
      answer = () => ({ text: 'fine' })
      asked.resolve()
      return held.promise
    }
    const whole = ask()
    await asked.promise
    writeFileSync(file, text({ system: 'second' }))
    await logLine(gateway, 'config.reloaded')
    held.resolve({ error: { status: 500 } })
    expect(await whole).toBe('first')
    expect(model.requests).toHaveLength(2)
    expect(await ask()).toBe('second')
  })
})
