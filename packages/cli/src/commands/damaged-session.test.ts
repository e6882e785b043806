// What a caller of a gateway is told of a session that is damaged: which, what to do, once, and no path of the gateway's machine.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { atRest } from '../testing/data-directory.ts'
import { type GatewayProcess, startGateway } from '../testing/gateway-process.ts'
import { runCli } from '../testing/run-cli.ts'

let folder: string
let gateway: GatewayProcess | undefined

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'beamclaw-damaged-'))
  await atRest(join(folder, 'data'))
})

afterEach(async () => {
  gateway?.child.kill('SIGKILL')
  await gateway?.exited
  rmSync(folder, { recursive: true, force: true })
})

const damages: [string, (sessions: string) => void][] = [
  [
    'a letter of its journal',
    (sessions) => {
      const file = join(sessions, 'one.log.jsonl')
      writeFileSync(file, readFileSync(file, 'utf8').replace('second', 'sekond'))
    },
  ],
  [
    'its settings',
    (sessions) => {
      mkdirSync(join(sessions, 'one'), { recursive: true })
      writeFileSync(join(sessions, 'one/metadata.json'), '{}')
    },
  ],
]

test.each(damages)('%s', async (_, damage) => {
  damage(join(folder, 'data/default/sessions/main'))
  gateway = await startGateway(['--data-dir', join(folder, 'data')])
  const environment = { BEAMCLAW_URL: gateway.url }
  const { code, output, errors } = await runCli(['send', '--session', 'agent:main:one', 'hello'], { cwd: folder, environment })
  expect({ code, output }).toEqual({ code: 1, output: '' })
  expect(errors).toMatch(/^beamclaw: What is stored of this conversation is damaged: .*`beamclaw doctor --repair`.*\(log-corrupt\)\n$/)
  expect(errors.match(/log-corrupt/g)).toHaveLength(1)
  expect(errors).not.toContain(folder)
  const other = await runCli(['send', '--session', 'agent:main:fine', 'hello'], { cwd: folder, environment })
  expect(other).toMatchObject({ code: 0, errors: '' })
})
