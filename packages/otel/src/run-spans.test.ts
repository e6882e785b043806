/** Spans of events that seldom come in this order: lost ends, repeated calls, and more runs than are kept. */
import type { SessionEvent } from '@beamclaw/core'
import { diag, ROOT_CONTEXT, trace } from '@opentelemetry/api'
import { MeterProvider } from '@opentelemetry/sdk-metrics'
import { InMemorySpanExporter, SimpleSpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace'
import { expect, onTestFinished, test } from 'vitest'
import { GenAiMetrics } from './metrics.ts'
import { RunSpans, type RunSpansOptions } from './run-spans.ts'

function spansOf(parentOf: RunSpansOptions['parentOf'] = () => undefined) {
  const exporter = new InMemorySpanExporter()
  const tracer = new TracerProvider({ spanProcessors: [new SimpleSpanProcessor({ exporter })] }).getTracer('test')
  const spans = new RunSpans({ tracer, metrics: new GenAiMetrics(new MeterProvider().getMeter('test')), recordContent: false, parentOf })
  return { spans, tracer, finished: () => exporter.getFinishedSpans() }
}

function event<TType extends SessionEvent['type']>(type: TType, session: string, rest: object = {}): SessionEvent<TType> {
  return { type, tenant: 'default', agentId: 'main', sessionKey: `agent:main:${session}`, runId: `run of ${session}`, ...rest } as never
}

test('of more than ten thousand runs under way, the oldest is let go of', () => {
  const { spans, finished } = spansOf()
  for (let index = 0; index < 10_000; index++) spans.take(event('run-start', `s${index}`))
  expect(finished()).toEqual([])
  spans.take(event('run-start', 'one more'))
  expect(finished().map(({ attributes }) => [attributes['gen_ai.conversation.id'], attributes['beamclaw.interrupted']])).toEqual([
    ['agent:main:s0', true],
  ])
})

test('a tool call that begins again, as after a crash, ends the span of its first try', () => {
  const { spans, finished } = spansOf()
  spans.take(event('run-start', 'a'))
  const call = event('tool-call', 'a', { toolCallId: 'call-1', name: 'look_up', input: {} })
  spans.take(call)
  spans.take(call)
  expect(finished().map(({ name, attributes }) => [name, attributes['beamclaw.interrupted']])).toEqual([['execute_tool look_up', true]])
  spans.take(event('tool-result', 'a', { result: { toolCallId: 'call-1', content: 'found' }, outcome: 'ok' }))
  spans.take(event('run-end', 'a', { outcome: 'completed' }))
  expect(finished().map(({ name, attributes }) => [name, attributes['beamclaw.interrupted']])).toEqual([
    ['execute_tool look_up', true],
    ['execute_tool look_up', undefined],
    ['invoke_agent main', undefined],
  ])
})

test('a run that was cancelled while it waited does not end the span of the run under way', () => {
  const { spans, finished } = spansOf()
  spans.take(event('run-start', 'a'))
  spans.take(event('run-end', 'a', { runId: 'another run', outcome: 'aborted' }))
  expect(finished()).toEqual([])
  spans.take(event('run-end', 'a', { outcome: 'completed' }))
  expect(finished().map(({ attributes }) => [attributes['beamclaw.run.id'], attributes['beamclaw.run.outcome']])).toEqual([
    ['run of a', 'completed'],
  ])
})

test('the parent of a run is asked for once, with what names the run', () => {
  const asked: unknown[] = []
  const { spans, tracer, finished } = spansOf((run) => {
    asked.push(run)
    return parent
  })
  const request = tracer.startSpan('request', {}, ROOT_CONTEXT)
  const parent = trace.setSpan(ROOT_CONTEXT, request)
  spans.take(event('run-start', 'a', { seq: 1 }))
  spans.take(event('model-request', 'a', { model: 'acme/large' }))
  spans.take(event('run-end', 'a', { outcome: 'completed' }))
  expect(asked).toEqual([{ tenant: 'default', agentId: 'main', sessionKey: 'agent:main:a', runId: 'run of a' }])
  const run = finished().at(-1)
  expect(run?.parentSpanContext?.spanId).toBe(request.spanContext().spanId)
  expect(new Set(finished().map((span) => span.spanContext().traceId))).toEqual(new Set([request.spanContext().traceId]))
})

test.each([
  [
    'throws',
    () => {
      throw new Error('no')
    },
  ],
  ['returns a text', () => 'context' as never],
  ['returns null', () => null as never],
])('a run whose parentOf %s gets a trace of its own, and diag is told', (_, parentOf) => {
  const told: string[] = []
  const note = (message: string): void => void told.push(message)
  diag.setLogger({ error: note, warn: note, info: () => {}, debug: () => {}, verbose: () => {} })
  onTestFinished(() => diag.disable())
  const { spans, finished } = spansOf(parentOf)
  spans.take(event('run-start', 'a'))
  spans.take(event('run-end', 'a', { outcome: 'completed' }))
  expect(finished().map(({ name, parentSpanContext }) => [name, parentSpanContext])).toEqual([['invoke_agent main', undefined]])
  expect(told).toEqual([expect.stringContaining('parentOf')])
})
