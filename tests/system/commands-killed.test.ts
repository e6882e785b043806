// `kill -9` of the gateway at random moments while commands of a model run: no command starts twice, none is dropped in silence, and none is left running.
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type GatewayProcess, startGateway } from 'beamclaw/testing'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'

/** 200 for a thorough run: BEAMCLAW_KILLS=200 npx vitest run tests/system/commands-killed.test.ts */
const kills = Number(process.env.BEAMCLAW_KILLS ?? 6)

let folder: string
let gateway: GatewayProcess | undefined

describe.skipIf(!existsSync('/usr/bin/bwrap')).each(['bubblewrap', 'local'])('commands in sandbox %s', (sandbox) => {
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'beamclaw-killed-'))
    const agents = 'agents: { main: { model: demo/demo-1, tools: [exec], askMode: off } }'
    const tools = `tools: { exec: { sandbox: ${sandbox}, yieldAfterMs: 150 } }`
    writeFileSync(join(folder, 'beamclaw.yaml'), `providers: { demo: { type: demo, delayMs: 0 } }\n${agents}\n${tools}\n`)
  })

  afterEach(async () => {
    gateway?.child.kill('SIGKILL')
    await gateway?.exited
    rmSync(folder, { recursive: true, force: true })
  })

  test(`over ${kills} kills`, async () => {
    // Known to this test alone, so that what is left of a command is found.
    const seconds = `300.${process.pid}`
    for (let index = 0; index < kills; index++) {
      gateway = await startGateway(['--config', join(folder, 'beamclaw.yaml'), '--data-dir', join(folder, 'data')])
      void send(`m${index}`, index % 2 === 0 ? `run echo m${index} >> ledger; sleep ${seconds}` : `run echo m${index} >> ledger`).catch(
        () => {},
      )
      await new Promise((resolve) => setTimeout(resolve, Math.random() * 400))
      gateway.child.kill('SIGKILL')
      await gateway.exited
    }
    gateway = await startGateway(['--config', join(folder, 'beamclaw.yaml'), '--data-dir', join(folder, 'data')])
    const answers: string[] = []
    for (let index = 0; index < kills; index++) {
      answers.push(
        await send(`m${index}`, index % 2 === 0 ? `run echo m${index} >> ledger; sleep ${seconds}` : `run echo m${index} >> ledger`),
      )
    }
    const ledger = join(folder, 'data/workspaces/main/ledger')
    const lines = existsSync(ledger) ? readFileSync(ledger, 'utf8').trim().split('\n') : []
    expect(new Set(lines).size).toBe(lines.length)
    for (const [index, answer] of answers.entries()) {
      const told = /Outcome unknown|Exit code|goes on in the background|Killed|lost/.test(answer)
      expect([index, answer, told]).toEqual([index, answer, true])
      if (answer.includes('Exit code 0')) expect(lines).toContain(`m${index}`)
    }
    gateway.child.kill('SIGTERM')
    await gateway.exited
    await expect.poll(() => running(`sleep ${seconds}`), { timeout: 10_000 }).toEqual([])
  }, 900_000)
})

async function send(key: string, text: string): Promise<string> {
  const response = await fetch(`${gateway?.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-beamclaw-session-key': `agent:main:${key}`, 'idempotency-key': key },
    body: JSON.stringify({ model: 'beamclaw', messages: [{ role: 'user', content: text }] }),
  })
  const body = (await response.json()) as { readonly choices?: readonly { readonly message: { readonly content: string } }[] }
  return body.choices?.[0]?.message.content ?? JSON.stringify(body)
}

/** Returns the processes with these words in their command line. */
function running(words: string): readonly string[] {
  return readdirSync('/proc').filter((pid) => {
    try {
      return /^\d+$/.test(pid) && readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').startsWith(words)
    } catch {
      return false
    }
  })
}
