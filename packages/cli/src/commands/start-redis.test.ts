// The start of a gateway whose sessions are in Redis.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeEach, describe, expect, test } from 'vitest'
import { startGateway } from '../testing/gateway-process.ts'
import { isWithoutRedis, TestRedis } from '../testing/redis-server.ts'
import { CliProcess, jsonLines, runCli } from '../testing/run-cli.ts'

const redis = new TestRedis()
let folder: string
let file: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'beamclaw-start-redis-'))
  file = join(folder, 'beamclaw.yaml')
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))
afterAll(() => redis.dispose())

const write = (store = '', rest = ''): void =>
  writeFileSync(file, `store: { type: redis, url: "${redis.url}"${store} }\ngateway: { port: 0 }\n${rest}`)

describe('a Redis that cannot be reached', () => {
  test.each([
    ['startWaitMs: 0', []],
    ['deadlineMs: 600000', ['--lock-wait', '1']],
  ])('ends the start when the time for that is over: %s %j', async (store, flags) => {
    write(`, ${store}`)
    const outcome = await runCli(['start', '--json', '--config', file, ...flags])
    expect(outcome).toMatchObject({ code: 1, errors: expect.stringMatching(/Redis at .* cannot be reached .*\(store-io\)/) })
    const events = jsonLines(outcome).filter(({ event }) => event !== undefined)
    // The reason comes first, and alone: nothing has begun that could fail for want of it.
    expect(events.filter(({ event }) => !['store.unreachable', 'tools.workspace-not-shared'].includes(String(event)))).toEqual([])
    for (const { retryAfterMs } of events.filter(({ event }) => event === 'store.unreachable'))
      expect(retryAfterMs).toBeLessThanOrEqual(1_000)
  })
})

describe.skipIf(isWithoutRedis)('a Redis that is there', () => {
  test('late has the gateway start then', async () => {
    write()
    const starting = new CliProcess(['start', '--json', '--config', file])
    await starting.printed('"store.unreachable"')
    await redis.start()
    await starting.printed('"gateway.ready"')
    starting.child.kill('SIGTERM')
    expect(await starting.outcome).toMatchObject({ code: 0 })
  })

  test('and gone by the end has an idle gateway end with 0', async () => {
    write()
    const gateway = await startGateway(['--config', file])
    await redis.stop()
    try {
      gateway.child.kill('SIGTERM')
      expect(await gateway.exited).toBe(0)
    } finally {
      await redis.start()
    }
  })

  test('with a gateway of the same name refuses a second one, and names the settings', async () => {
    write('', 'cluster: { nodeId: web-1 }\n')
    const first = await startGateway(['--config', file])
    try {
      expect(await runCli(['start', '--json', '--config', file])).toMatchObject({
        code: 1,
        errors: expect.stringMatching(/"web-1"; give each one a name of its own, as BEAMCLAW_NODE_ID or cluster\.nodeId \(node-id-taken\)/),
      })
    } finally {
      first.child.kill('SIGTERM')
      await first.exited
    }
  })
})
