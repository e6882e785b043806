/** Recorded answers of Mistral and Groq, and of servers on one's own machine. */
import { testRecordings } from '../../testing/recordings.ts'
import type { ChatDialectName } from '../dialects/dialect.ts'
import { OpenAiChatProvider } from '../openai-chat-provider.ts'
import type { OpenAiChatProviderOptions } from '../openai-options.ts'

const pydantic = 'github.com/pydantic/pydantic-ai at 4fda389, tests/models/cassettes'
const ruby = 'github.com/crmne/ruby_llm at fb5a49b, spec/fixtures/vcr_cassettes'
const vercel = 'github.com/vercel/ai at ed857f5'

const make =
  (dialect: ChatDialectName, more: OpenAiChatProviderOptions = {}) =>
  (options: object) =>
    new OpenAiChatProvider({ ...options, ...more, dialect })

const text = (said: string) => ({ role: 'assistant', content: [{ type: 'text', text: said }] }) as const
const call = (id: string, name: string, input: object) => ({ type: 'tool-call', id, name, input: input as never }) as const
const calling = (...calls: readonly ReturnType<typeof call>[]) => ({ role: 'assistant', content: calls }) as const
const thinking = (thought: string, ...rest: readonly (ReturnType<typeof call> | { readonly type: 'text'; readonly text: string })[]) =>
  ({ role: 'assistant', content: [{ type: 'thinking', text: thought }, ...rest] }) as const

testRecordings('Mistral', make('mistral'), [
  {
    file: 'mistral-chat-text.sse',
    origin: `${ruby}/chat_streaming_responses_mistral_mistral-small-latest_supports_streaming_responses.yml`,
    expected: { message: text('Où 漢字, 🦀'), finish: 'stop', usage: { inputTokens: 22, outputTokens: 8 } },
  },
  {
    file: 'mistral-chat-tools.sse',
    origin: `${ruby}/chat_function_calling_mistral_mistral-small-latest_can_use_tools_with_multi-turn_streaming_conversations.yml`,
    expected: {
      message: calling(call('g6fVbXS8K', 'weather', { latitude: '52.5', longitude: '13.4' })),
      finish: 'tool-calls',
      usage: { inputTokens: 31, outputTokens: 28, cacheReadTokens: 128 },
    },
  },
  {
    file: 'mistral-chat-tools-no-index.sse',
    origin: `${vercel}, packages/mistral/src/__fixtures__/mistral-tool-call.chunks.txt; a second call beside`,
    expected: {
      message: calling(call('gSIMJiOkT', 'weather', { location: 'Köln' }), call('hSIMJiOkT', 'weather', { location: 'Bonn' })),
      finish: 'tool-calls',
      usage: { inputTokens: 124, outputTokens: 22 },
    },
  },
  {
    file: 'mistral-chat-reasoning.sse',
    origin: `${ruby}/chat_mistral_hybrid_reasoning_streams_thinking_separately_from_content.yml`,
    expected: {
      message: {
        role: 'assistant',
        content: [
          { type: 'thinking', text: 'The user asks für 12².', providerMetadata: { recorded: { closed: true } } },
          { type: 'text', text: '144' },
        ],
      },
      finish: 'stop',
      usage: { inputTokens: 31, outputTokens: 66 },
    },
  },
  {
    file: 'mistral-chat-error.json',
    origin: 'reported by users of the service; npm @earendil-works/pi-ai 1.5.2, dist/utils/overflow.js',
    status: 400,
    expected: { code: 'provider-context-overflow', says: 'too large for model with 131072' },
  },
  {
    file: 'mistral-chat-error-key.json',
    origin: `${ruby}, mistral, with a wrong key`,
    status: 401,
    expected: { code: 'provider-auth', says: 'Invalid API Key' },
  },
  {
    file: 'mistral-chat-error-field.json',
    origin: 'github.com/mistralai/platform-docs-public, openapi.yaml (2026-08), and users of the service',
    status: 422,
    expected: { code: 'provider-bad-request', says: 'body.seed: Extra inputs are not permitted' },
  },
  {
    file: 'mistral-chat-error-capacity.json',
    origin: 'reported by users of the service, 2026',
    status: 429,
    expected: { code: 'provider-overloaded', says: 'capacity exceeded' },
  },
])

testRecordings('Groq', make('groq'), [
  {
    file: 'groq-chat-text.sse',
    origin: `${pydantic}/test_groq, of 2025, for the usage below x_groq alone; ${vercel}, packages/groq/src/__fixtures__/groq-text.chunks.txt`,
    expected: { message: text('Über 漢字 🦀'), finish: 'stop', usage: { inputTokens: 45, outputTokens: 662 } },
  },
  {
    file: 'groq-chat-tools.sse',
    origin: `${pydantic}/test_groq/test_tool_use_failed_error_streaming.yaml`,
    expected: {
      message: thinking('We need', call('fc_bfb3', 'by_name', { name: 'example' })),
      finish: 'tool-calls',
      usage: { inputTokens: 304, outputTokens: 49, reasoningTokens: 23 },
    },
  },
  {
    file: 'groq-chat-reasoning.sse',
    origin: `${vercel}, packages/groq/src/__fixtures__/groq-reasoning.chunks.txt`,
    expected: {
      message: thinking('Okay, π', { type: 'text', text: 'The answer' }),
      finish: 'stop',
      usage: { inputTokens: 17, outputTokens: 1107, reasoningTokens: 963 },
    },
  },
  {
    file: 'groq-chat-error-in-stream.sse',
    origin: `${pydantic}/test_groq/test_tool_use_failed_error_streaming.yaml`,
    expected: { code: 'provider-server', says: 'Tool call validation failed', details: { providerCode: 'tool_use_failed' } },
  },
  {
    file: 'groq-chat-error.json',
    origin: 'reported by users of the service, 2026',
    status: 413,
    expected: { code: 'provider-rate-limit', says: 'Request too large for model' },
  },
  {
    file: 'groq-chat-error-overflow.json',
    origin: 'reported by users of the service, 2026',
    status: 400,
    expected: { code: 'provider-context-overflow' },
  },
  {
    file: 'groq-chat-error-rate.json',
    origin: 'reported by users of the service, 2026',
    status: 429,
    headers: { 'retry-after': '87' },
    expected: { code: 'provider-rate-limit', says: '1m26.4s' },
  },
])

testRecordings('A model that writes tags', make('groq', { splitThink: true }), [
  {
    file: 'groq-chat-think-tags.sse',
    origin: `${pydantic}/test_groq/test_groq_model_thinking_part_iter.yaml`,
    expected: {
      message: thinking('\nOkay 漢', { type: 'text', text: 'Sores!' }),
      finish: 'stop',
      usage: { inputTokens: 21, outputTokens: 988 },
    },
  },
])

testRecordings('Ollama', make('ollama'), [
  {
    file: 'ollama-chat-text.sse',
    origin: `${ruby}/chat_function_calling_ollama_cloud_gpt-oss_120b_can_use_tools_with_multi-turn_streaming_conversations.yml`,
    expected: { message: text('Wörter 漢字 🦀'), finish: 'stop', usage: { inputTokens: 252, outputTokens: 45 } },
  },
  {
    file: 'ollama-chat-tools.sse',
    origin: `${ruby}/chat_function_calling_ollama_qwen3_can_use_tools_with_multi-turn_streaming_conversations.yml`,
    expected: {
      message: thinking('Okay, the', call('call_blqyt530', 'weather', { latitude: '52.5', longitude: '13.4' })),
      finish: 'tool-calls',
      usage: { inputTokens: 195, outputTokens: 140 },
    },
  },
  {
    file: 'ollama-chat-reasoning.sse',
    origin: `${ruby}/chat_streaming_responses_ollama_qwen3_supports_streaming_responses.yml`,
    expected: {
      message: thinking('Okay für 猫', { type: 'text', text: '1, 2' }),
      finish: 'stop',
      usage: { inputTokens: 17, outputTokens: 289 },
    },
  },
  {
    file: 'ollama-chat-error.json',
    origin: `${ruby}, ollama cloud`,
    status: 400,
    expected: { code: 'provider-context-overflow', says: 'prompt too long' },
  },
])
