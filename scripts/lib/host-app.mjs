// A program as our users write it, type-checked as strictly as a compiler can: no types but ours, the checks of libraries on.
import { spawnSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from './workspace.mjs'

/** Uses the main entry of each published package. */
const hostApp = `
import { Registry } from '@beamclaw/actor'
import { Probe } from '@beamclaw/actor/testing'
import { Actor, Supervisor } from '@beamclaw/core/actor'
import { type OptionRules, checkOptions, integer, providerStream, sleep } from '@beamclaw/core/adapter'
import { BeamClaw, BeamClawError, defineAgent, defineTool, type ErrorCode, type Provider, type RunEvent } from '@beamclaw/core'
import { ManualClock } from '@beamclaw/core/testing'
import { Gateway } from '@beamclaw/gateway-ws'
import { CircuitBreaker, guarded, RateLimiter } from '@beamclaw/model-policy'
import { protocolVersion } from '@beamclaw/protocol'
import { AnthropicProvider, DemoProvider, OpenAiProvider } from '@beamclaw/providers'
import { FsStore } from '@beamclaw/store-fs'
import { storeContract } from '@beamclaw/testkit'
import { startModelServer } from '@beamclaw/testkit/model-server'
import * as whole from 'beamclaw'
import * as z from 'zod'

const deploy = defineTool({
  name: 'deploy',
  description: 'Deploys to a stage',
  input: z.object({ stage: z.enum(['test', 'live']), retries: z.number().int().optional() }),
  execute: async ({ stage, retries = 0 }, { signal }) => {
    signal.throwIfAborted()
    return \`deployed to \${stage} after \${retries.toFixed()}\`
  },
})

const anthropic: Provider = guarded(new AnthropicProvider({ apiKey: 'key' }), [new CircuitBreaker(), new RateLimiter({ requestsPerMinute: 50 })])
const claw = new BeamClaw({
  providers: { anthropic, openai: new OpenAiProvider({ baseUrl: 'http://127.0.0.1:1/v1' }), demo: new DemoProvider() },
  store: new FsStore({ path: './data', sync: 'batch' }),
  agents: [defineAgent({ id: 'main', model: 'demo/demo-1', tools: [deploy] })],
})
const owned = defineTool({ name: 'owned', description: 'Tells the owner', context: z.object({ user: z.string() }), execute: (_, { context }) => context.user })
export const support = defineAgent({ id: 'support', model: 'demo/demo-1', context: z.object({ user: z.string() }), tools: [owned, deploy] })
// @ts-expect-error: the agent's context has no user.
defineAgent({ id: 'other', model: 'demo/demo-1', context: z.object({ team: z.string() }), tools: [owned] })
const running = await claw.start()
const gateway = new Gateway({ claw: running, port: 0 })
const { url } = await gateway.start()
const shown = (event: RunEvent): string => (event.type === 'text-delta' ? event.text : event.type)
for await (const event of running.session('agent:main:first').send('hello')) console.log(shown(event))
console.log(url, protocolVersion, (await running.session('agent:main:first').history()).messages.length)
await running.session(support, 'user 7').send('hello', { context: { user: 'Ada' } }).result()
// @ts-expect-error: the user is a text.
running.session(support, 'user 7').send('hello', { context: { user: 7 } })
await gateway.stop()
await running.stop()

class Counter extends Actor<number, number> {
  #count = 0

  handle(step: number): number {
    this.#count += step
    return this.#count
  }
}

const tree = await new Supervisor({ children: [{ id: 'counter', start: () => new Counter() }] }).start()
await tree.stop()

interface PumpOptions {
  readonly litres?: number
}
const rules: OptionRules<PumpOptions> = { litres: integer(1) }
checkOptions<PumpOptions>('Pump', {}, rules)
const clock = new ManualClock()
export const pump: Provider = {
  doStream: (request, { signal }) =>
    providerStream(async function* (callSignal) {
      await sleep(clock, 5, callSignal)
      yield { type: 'text-delta', text: request.model }
    }, signal),
}
export const same: typeof BeamClaw = whole.BeamClaw
export const probe = new Probe({ id: 'probe' })
export const registry = new Registry<string>()
export const codes: readonly ErrorCode[] = ['actor-crashed', 'unknown-run']
export const failure = new BeamClawError('session-busy', 'no')
// @ts-expect-error: neither actors nor core have this code.
export const misspelt = new BeamClawError('session-bussy', 'no')
export { startModelServer, storeContract }
`

/** Each compiler that hosts have, in each way they resolve modules. */
const compilers = {
  'TypeScript 7': join(root, 'node_modules', '.bin', 'tsc'),
  'TypeScript 5.9': join(root, 'scripts', 'typescript-5', 'node_modules', '.bin', 'tsc'),
}
const resolutions = [{ module: 'nodenext' }, { module: 'esnext', moduleResolution: 'bundler' }]

/** Type-checks the program in `folder`, beside whose node_modules lie the packages; returns what the compilers object to. */
export function checkHostApp(folder, env) {
  const problems = []
  for (const options of resolutions) {
    const how = options.moduleResolution ?? options.module
    const app = join(folder, `host-${how}`)
    mkdirSync(app, { recursive: true })
    writeFileSync(join(app, 'package.json'), '{ "type": "module" }')
    writeFileSync(join(app, 'app.ts'), hostApp)
    const compilerOptions = {
      target: 'esnext',
      ...options,
      strict: true,
      exactOptionalPropertyTypes: true,
      skipLibCheck: false,
      noEmit: true,
      types: [],
    }
    writeFileSync(join(app, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['app.ts'] }))
    for (const [compiler, path] of Object.entries(compilers)) {
      const { status, stdout } = spawnSync(path, ['-p', app], { cwd: app, encoding: 'utf8', env })
      if (status !== 0) problems.push(`${compiler}, ${how}: a host's program does not type-check\n${stdout}`)
    }
  }
  return problems
}
