// `beamclaw redrive` against a real gateway, over a session in which a message was given up.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { defaultTenant, type JsonObject } from '@beamclaw/core'
import { FsStore } from '@beamclaw/store-fs'
import { startModelServer } from '@beamclaw/testkit/model-server'
import { expect, test } from 'vitest'
import { startGateway } from '../testing/gateway-process.ts'
import { jsonLines, runCli } from '../testing/run-cli.ts'

/** Writes a session whose only message was given up. */
async function writeDeadLetter(directory: string): Promise<void> {
  const store = new FsStore({ path: directory })
  const log = await store.openLog([defaultTenant, 'sessions', 'main', 'main'], { epoch: 1, nonce: 'test' })
  const records: readonly (readonly [string, JsonObject])[] = [
    ['message-in', { runId: 'poison', message: { role: 'user', content: 'hello' }, queueMode: 'queue' }],
    ['run-start', { runId: 'poison' }],
    ['run-end', { runId: 'poison', outcome: 'failed', failure: { code: 'poison-message', message: 'The run was given up' } }],
  ]
  await log.append(records.map(([type, data], index) => ({ seq: index + 1, type, id: `r${index}`, ts: Date.UTC(2026, 0, 1), data })))
  await store.stop()
}

test('a message that was given up is listed, and sent again once', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'beamclaw-redrive-'))
  const data = join(folder, 'data')
  await writeDeadLetter(data)
  const model = await startModelServer({ answers: () => ({ text: 'It is fine.' }) })
  const file = join(folder, 'beamclaw.yaml')
  writeFileSync(
    file,
    `providers: { local: { type: openai, apiKey: none, baseUrl: '${model.baseUrl}' } }\nagents: { main: { model: local/scripted-1 } }\n`,
  )
  const gateway = await startGateway(['--config', file, '--data-dir', data])
  const talk = (...args: readonly string[]) => runCli(args, { cwd: folder, environment: { BEAMCLAW_URL: gateway.url } })
  try {
    const list = await talk('redrive', 'main')
    expect(list).toMatchObject({ code: 0, errors: '' })
    expect(list.output).toMatch(/^RUN +GIVEN UP +MESSAGE\npoison +\S.* hello\n$/)
    expect(await talk('redrive', 'main', 'poison')).toMatchObject({ code: 0, output: 'poison:redrive has begun\n' })
    expect(jsonLines(await talk('redrive', 'main', 'poison', '--json'))).toMatchObject([{ runId: 'poison:redrive', redrives: 'poison' }])
    expect((await talk('redrive', 'main')).output).toBe('agent:main:main has no dead letters\n')
    expect((await talk('redrive', 'main', 'nothing')).errors).toContain('cannot redrive the run "nothing"')
    expect((await talk('redrive', 'nobody')).errors).toContain('unknown-session')
    expect(model.requests).toHaveLength(1)
  } finally {
    gateway.child.kill('SIGKILL')
    await gateway.exited
    await model.stop()
    rmSync(folder, { recursive: true, force: true })
  }
}, 60_000)
