import { agentTool, BeamClaw, type BeamClawError, defineTool, handoff, type Provider, silentLogger } from '@beamclaw/core'
import { flushEventLoop, ManualClock, ScriptedProvider, textAnswer, toolAnswer } from '@beamclaw/core/testing'
import { type Context, ROOT_CONTEXT, trace } from '@opentelemetry/api'
import { AggregationTemporality, InMemoryMetricExporter, MeterProvider, PeriodicExportingMetricReader } from '@opentelemetry/sdk-metrics'
import { InMemorySpanExporter, SimpleSpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace'
import { expect, onTestFinished, test } from 'vitest'
import { type InstrumentOptions, instrument } from './instrument.ts'

const lookUp = defineTool({ name: 'look_up', description: 'looks', execute: () => 'the secret' })
const breaks = defineTool({
  name: 'breaks',
  description: 'breaks',
  execute: () => {
    throw new Error('no')
  },
})

async function up(main: Provider, sub: Provider = main, recordContent = false, options: InstrumentOptions = {}) {
  const spanExporter = new InMemorySpanExporter()
  const tracers = new TracerProvider({ spanProcessors: [new SimpleSpanProcessor({ exporter: spanExporter })] })
  const metricExporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE)
  const meters = new MeterProvider({ readers: [new PeriodicExportingMetricReader({ exporter: metricExporter })] })
  const running = await new BeamClaw({
    providers: { acme: main, other: sub },
    agents: [
      { id: 'main', model: 'acme/large', tools: [lookUp, breaks, agentTool('sub'), handoff('sub')] },
      { id: 'sub', model: 'other/small', tools: [lookUp, handoff('main')] },
    ],
    services: { clock: new ManualClock(), logger: silentLogger },
  }).start()
  onTestFinished(() => running.stop())
  const tracer = tracers.getTracer('test')
  instrument(running, { tracer, meter: meters.getMeter('test'), recordContent, ...options })
  const spans = async () => {
    await flushEventLoop()
    await tracers.forceFlush()
    return spanExporter.getFinishedSpans()
  }
  const points = async (name: string) => {
    await flushEventLoop()
    await meters.forceFlush()
    const all =
      metricExporter
        .getMetrics()
        .at(-1)
        ?.scopeMetrics.flatMap(({ metrics }) => metrics) ?? []
    return all.find(({ descriptor }) => descriptor.name === name)?.dataPoints ?? []
  }
  return { running, tracer, spans, points }
}

test('a run is a span with its calls of models and tools below it, and no word of what was said', async () => {
  const model = new ScriptedProvider({ answers: [toolAnswer('look_up', {}), { parts: textAnswer('found the secret') }] })
  const { running, spans, points } = await up(model)
  await running.session('agent:main:a').send('tell me the secret').result()
  const finished = await spans()
  expect(finished.map(({ name }) => name)).toEqual(['chat large', 'execute_tool look_up', 'chat large', 'invoke_agent main'])
  const run = finished.at(-1)
  expect(run?.attributes).toMatchObject({
    'gen_ai.operation.name': 'invoke_agent',
    'gen_ai.agent.id': 'main',
    'gen_ai.conversation.id': 'agent:main:a',
    'beamclaw.tenant': 'default',
    'beamclaw.run.outcome': 'completed',
  })
  for (const span of finished.slice(0, -1)) expect(span.parentSpanContext?.spanId).toBe(run?.spanContext().spanId)
  expect(finished[0]?.attributes).toMatchObject({
    'gen_ai.operation.name': 'chat',
    'gen_ai.provider.name': 'acme',
    'gen_ai.request.model': 'large',
    'gen_ai.response.finish_reasons': ['tool_call'],
  })
  expect(finished[1]?.attributes).toMatchObject({ 'gen_ai.tool.name': 'look_up', 'gen_ai.tool.type': 'function' })
  expect(JSON.stringify(finished.map(({ attributes }) => attributes))).not.toContain('secret')
  const tokens = await points('gen_ai.client.token.usage')
  expect(tokens.map(({ attributes }) => attributes['gen_ai.token.type']).sort()).toEqual(['input', 'output'])
  expect((await points('gen_ai.client.operation.duration'))[0]?.value).toMatchObject({ count: 2 })
  expect((await points('gen_ai.execute_tool.duration'))[0]?.value).toMatchObject({ count: 1 })
  expect((await points('gen_ai.invoke_agent.duration'))[0]?.value).toMatchObject({ count: 1 })
})

test('content is recorded where that is asked for', async () => {
  const model = new ScriptedProvider({ answers: [toolAnswer('look_up', {}), { parts: textAnswer('found it') }] })
  const { running, spans } = await up(model, model, true)
  await running.session('agent:main:a').send('go').result()
  const [, tool, answer] = await spans()
  expect(tool?.attributes).toMatchObject({ 'gen_ai.tool.call.arguments': '{}', 'gen_ai.tool.call.result': '"the secret"' })
  expect(JSON.parse(String(answer?.attributes['gen_ai.output.messages']))).toEqual([
    { role: 'assistant', parts: [{ type: 'text', content: 'found it' }], finish_reason: 'stop' },
  ])
})

test('what fails says how', async () => {
  const model = new ScriptedProvider({ answers: [toolAnswer('breaks', {})] })
  const { running, spans } = await up(model)
  const code = await running
    .session('agent:main:a')
    .send('go')
    .result()
    .catch((error: BeamClawError) => error.code)
  const finished = await spans()
  const types = Object.fromEntries(finished.map(({ name, attributes }) => [name, attributes['error.type']]))
  expect(types['execute_tool breaks']).toBe('tool-failed')
  expect(types['invoke_agent main']).toBe(code)
})

test('the run of an agent that a tool asks is linked to the span of the tool', async () => {
  const main = new ScriptedProvider({ answers: [toolAnswer('ask_sub', { task: 'do' }), { parts: textAnswer('done') }] })
  const { running, spans } = await up(main, new ScriptedProvider({ answers: [{ parts: textAnswer('did') }] }))
  await running.session('agent:main:a').send('go').result()
  const finished = await spans()
  const tool = finished.find(({ name }) => name === 'execute_tool ask_sub')
  const sub = finished.find(({ name }) => name === 'invoke_agent sub')
  expect(sub?.links.map(({ context }) => context.spanId)).toEqual([tool?.spanContext().spanId])
})

test('what an agent does after a hand-off lies below a span of its own, and later runs are named for it', async () => {
  const main = new ScriptedProvider({ answers: [toolAnswer('hand_off_to_sub'), { parts: textAnswer('main again') }] })
  const sub = new ScriptedProvider({
    answers: [toolAnswer('look_up'), { parts: textAnswer('sub') }, toolAnswer('hand_off_to_main')],
  })
  const { running, spans } = await up(main, sub)
  await running.session('agent:main:a').send('go').result()
  await running.session('agent:main:a').send('go').result()
  const finished = await spans()
  const shown = finished.map(({ name, attributes, parentSpanContext }) => {
    const parent = finished.find((span) => span.spanContext().spanId === parentSpanContext?.spanId)
    return `${name} (${attributes['gen_ai.agent.name']}, ${attributes['gen_ai.conversation.id']}) < ${parent?.name}`
  })
  expect(shown).toEqual([
    'chat large (main, agent:main:a) < invoke_agent main',
    'execute_tool hand_off_to_sub (main, agent:main:a) < invoke_agent main',
    'chat small (sub, agent:main:a) < invoke_agent sub',
    'execute_tool look_up (sub, agent:main:a) < invoke_agent sub',
    'chat small (sub, agent:main:a) < invoke_agent sub',
    'invoke_agent sub (sub, agent:main:a) < invoke_agent main',
    'invoke_agent main (main, agent:main:a) < undefined',
    'chat small (sub, agent:main:a) < invoke_agent sub',
    'execute_tool hand_off_to_main (sub, agent:main:a) < invoke_agent sub',
    'chat large (main, agent:main:a) < invoke_agent main',
    'invoke_agent main (main, agent:main:a) < invoke_agent sub',
    'invoke_agent sub (sub, agent:main:a) < undefined',
  ])
})

test('a run lies below the span that was active where its message was sent, when parentOf says so', async () => {
  const parents = new Map<string, Context>()
  const model = new ScriptedProvider({ otherwise: textAnswer('Hello.') })
  const { running, tracer, spans } = await up(model, model, false, { parentOf: ({ runId }) => parents.get(runId) })
  const request = tracer.startSpan('request')
  const run = running.session('agent:main:a').send('go')
  parents.set(run.runId, trace.setSpan(ROOT_CONTEXT, request))
  await run.result()
  await running.session('agent:main:b').send('go').result()
  const runs = (await spans()).filter(({ name }) => name === 'invoke_agent main')
  expect(runs.map(({ parentSpanContext }) => parentSpanContext?.spanId)).toEqual([request.spanContext().spanId, undefined])
})

test('a waiting run that is cancelled leaves the span of the run under way as it is', async () => {
  const answer = Promise.withResolvers<void>()
  const model = new ScriptedProvider({
    answers: [
      async function* () {
        await answer.promise
        yield* textAnswer('done')
      },
    ],
  })
  const { running, spans } = await up(model)
  const session = running.session('agent:main:a')
  const first = session.send('go')
  await first.accepted
  const second = session.send('and go')
  await second.accepted
  await session.abort(second.runId)
  await expect(second.result()).rejects.toMatchObject({ code: 'run-aborted' })
  expect(await spans()).toEqual([])
  answer.resolve()
  await first.result()
  expect((await spans()).map(({ name, attributes }) => [name, attributes['beamclaw.run.outcome']])).toEqual([
    ['chat large', undefined],
    ['invoke_agent main', 'completed'],
  ])
})

test('what is under way when a BeamClaw ends gets the end of its spans', async () => {
  const { running, spans } = await up(new ScriptedProvider({ answers: [{ hang: true }] }))
  const run = running.session('agent:main:a').send('go')
  run.result().catch(() => {})
  await run.accepted
  await flushEventLoop()
  running.kill()
  await running.ended
  const named = async () => (await spans()).map(({ name, attributes }) => [name, attributes['beamclaw.interrupted']])
  await expect.poll(named).toEqual([
    ['chat large', true],
    ['invoke_agent main', true],
  ])
})

test.each([
  ['recordContent', { recordContent: 'yes' }],
  ['meter', { meter: {} }],
  ['tracer', { tracer: {} }],
  ['tracer', { tracer: null }],
  ['parentOf', { parentOf: {} }],
  ['options', null],
])('refuses %s that is none: %j', async (option, options) => {
  const { running } = await up(new ScriptedProvider({ answers: [] }))
  expect(() => instrument(running, options as never)).toThrow(
    expect.objectContaining({ code: 'invalid-option', message: expect.stringContaining(`option "${option}" must be`) }),
  )
})

test.each([null, undefined, {}, { on: () => {} }, Promise.resolve()])('refuses %j, which is no running BeamClaw', (running) => {
  expect(() => instrument(running as never)).toThrow(
    expect.objectContaining({ code: 'invalid-option', message: expect.stringMatching(/option "running" .*a running BeamClaw/) }),
  )
})
