/**
 * A program around BeamClaw, as an embedder would write it, for tests that kill it. Its only argument is JSON (`AgentSetup`). Commands are
 * lines of JSON on standard input, and whatever it gets to know is a line of JSON on standard output.
 */
import { appendFileSync, existsSync, readdirSync, writeSync } from 'node:fs'
import { flushCompileCache } from 'node:module'
import { createInterface } from 'node:readline'
import { BeamClaw, BeamClawError, defineAgent, type RunningBeamClaw } from '@beamclaw/core'
import { OpenAiProvider } from '@beamclaw/providers/openai'
import { FsStore } from '@beamclaw/store-fs'
import type { AgentCommand, AgentSetup, AgentVitals } from './agent.ts'
import { sideEffectTools } from './tools.ts'

// Synchronous, so that a line which was printed is out even when the next thing that comes is SIGKILL.
function print(line: object): void {
  writeSync(1, `${JSON.stringify(line)}\n`)
}

function failureOf(error: unknown): object {
  if (BeamClawError.isInstance(error)) return { code: error.code, message: error.message, isRetryable: error.isRetryable }
  return { code: 'not-typed', message: String(error) }
}

async function send(claw: RunningBeamClaw, { id, session, text, key, queueMode = 'queue' }: Extract<AgentCommand, { do: 'send' }>) {
  const run = claw.session(session).send(text, { queueMode, ...(key === undefined ? {} : { idempotencyKey: key }) })
  print({ id, session, receipt: await run.accepted })
  for await (const event of run) print({ id, event })
  print({ id, result: await run.result() })
}

async function obey(claw: RunningBeamClaw, command: AgentCommand, release: () => void): Promise<void> {
  const { id } = command
  switch (command.do) {
    case 'send':
      return send(claw, command)
    case 'abort':
      return print({ id, receipt: await claw.session(command.session).abort(command.key) })
    case 'inspect':
      return print({ id, inspection: await claw.session(command.session).inspect() })
    case 'vitals':
      return print({ id, vitals: vitals() })
    case 'release':
      release()
      return print({ id })
    case 'stop':
      await claw.stop()
      print({ id })
      process.exit(0)
  }
}

/** After a collection of garbage, where the process was started with `--expose-gc`. */
function vitals(): AgentVitals {
  globalThis.gc?.()
  return {
    heapMegabytes: process.memoryUsage().heapUsed / 1_000_000,
    descriptors: existsSync('/proc/self/fd') ? readdirSync('/proc/self/fd').length : 0,
    resources: process.getActiveResourcesInfo().length,
  }
}

async function main({ modelUrl, data, effects, provider = {}, sessions = {}, store = {} }: AgentSetup): Promise<void> {
  const released = Promise.withResolvers<void>()
  const tools = sideEffectTools((line) => appendFileSync(effects, `${JSON.stringify(line)}\n`), released.promise)
  const claw = await new BeamClaw({
    providers: { local: new OpenAiProvider({ baseUrl: modelUrl, apiKey: 'none', ...provider }) },
    agents: [defineAgent({ id: 'main', model: 'local/scripted-1', tools })],
    sessions,
    store: new FsStore({ path: data, ...store }),
    services: { logger: { log: (level, event, fields = {}) => print({ log: event, level, ...fields }) } },
  }).start()
  // Otherwise it is written at the end, which most of these processes do not live to see.
  flushCompileCache()
  print({ ready: process.pid })
  claw.resumed.then((resumed) => print({ resumed }))
  createInterface({ input: process.stdin }).on('line', (line) => {
    const command = JSON.parse(line) as AgentCommand
    obey(claw, command, released.resolve).catch((error: unknown) => print({ id: command.id, refused: failureOf(error) }))
  })
}

main(JSON.parse(process.argv[2] ?? '') as AgentSetup).catch((error: unknown) => {
  print({ refused: failureOf(error) })
  process.exit(1)
})
