/** Recorded answers of OpenAI, Azure and OpenRouter over Chat Completions. */

import { testRecordings } from '../../testing/recordings.ts'
import type { ChatDialectName } from '../dialects/dialect.ts'
import { OpenAiChatProvider } from '../openai-chat-provider.ts'

const pydantic = 'github.com/pydantic/pydantic-ai at 4fda389, tests/models/cassettes'
const ruby = 'github.com/crmne/ruby_llm at fb5a49b, spec/fixtures/vcr_cassettes'
const vercel = 'github.com/vercel/ai at ed857f5'

const make = (dialect: ChatDialectName) => (options: object) => new OpenAiChatProvider({ ...options, dialect })

const text = (said: string) => ({ role: 'assistant', content: [{ type: 'text', text: said }] }) as const
const call = (id: string, name: string, input: object) => ({ type: 'tool-call', id, name, input: input as never }) as const

testRecordings('OpenAI', make('openai'), [
  {
    file: 'openai-chat-text.sse',
    origin: `${pydantic}/test_openai/test_run_stream_sync_streams_real_model.yaml`,
    expected: { message: text('Grüße aus 漢字 🦀.'), finish: 'stop', usage: { inputTokens: 78, outputTokens: 9, reasoningTokens: 0 } },
  },
  {
    file: 'openai-chat-tools.sse',
    origin: 'github.com/pydantic/pydantic-ai at 4fda389, tests/cassettes/test_prefect/test_multiple_agents.yaml',
    expected: {
      message: { role: 'assistant', content: [call('call_A1', 'country', {}), call('call_A2', 'product', { of: 'me' })] },
      finish: 'tool-calls',
      usage: { inputTokens: 398, outputTokens: 40, reasoningTokens: 0 },
    },
  },
  {
    file: 'openai-chat-moderation.sse',
    origin: `${pydantic}/test_openai/test_openai_moderation_stream.yaml`,
    expected: { message: text('Paris, städtisch 漢 🦀'), finish: 'stop', usage: { inputTokens: 13, outputTokens: 11, reasoningTokens: 0 } },
  },
  {
    file: 'openai-chat-error.json',
    origin: `${vercel}, packages/openai/src/responses/__fixtures__/openai-error.1.chunks.txt`,
    status: 429,
    expected: { code: 'provider-billing', says: 'exceeded your current quota', details: { providerCode: 'insufficient_quota' } },
  },
  {
    file: 'openai-chat-error-overflow.json',
    origin: `${ruby}, the same body for each of OpenAI's protocols`,
    status: 400,
    expected: { code: 'provider-context-overflow', says: 'exceeds the context window' },
  },
])

testRecordings('Azure', make('azure'), [
  {
    file: 'azure-chat-text.sse',
    origin: `${ruby}/chat_with_extended_thinking_azure_gpt-5-nano_streams_thinking_content_when_available.yml`,
    expected: { message: text('Straße 東京 🦀'), finish: 'stop', usage: { inputTokens: 50, outputTokens: 4350, reasoningTokens: 4160 } },
  },
  {
    file: 'azure-chat-tools.sse',
    origin: `${ruby}/chat_function_calling_azure_grok-4-1-fast-non-reasoning_can_use_tools_without_parameters_in_multi-turn_streaming_conversations.yml`,
    expected: {
      message: { role: 'assistant', content: [call('call_39096608', 'language', {})] },
      finish: 'tool-calls',
      usage: { inputTokens: 46, outputTokens: 18, cacheReadTokens: 159, reasoningTokens: 0 },
    },
  },
  {
    file: 'azure-chat-reasoning.sse',
    origin: `${vercel}, packages/azure/src/__fixtures__/azure-deepseek-reasoning.1.chunks.txt`,
    expected: {
      message: {
        role: 'assistant',
        content: [
          { type: 'thinking', text: 'We need to' },
          { type: 'text', text: 'Yes 🧡' },
        ],
      },
      finish: 'stop',
      usage: { inputTokens: 19, outputTokens: 1720 },
    },
  },
  {
    file: 'azure-chat-error.json',
    origin: `${ruby}, azure with a wrong key`,
    status: 401,
    expected: { code: 'provider-auth', says: 'invalid subscription key' },
  },
  {
    file: 'azure-chat-error-filter.json',
    origin: 'reported by users of the service, 2026',
    status: 400,
    expected: { code: 'provider-content-filter', says: 'content management policy', details: { providerCode: 'content_filter' } },
  },
])

const claude = { format: 'anthropic-claude-v1', index: 0 }

testRecordings('OpenRouter', make('openrouter'), [
  {
    file: 'openrouter-chat-text.sse',
    origin: `${ruby}/chat_streaming_responses_openrouter_claude-haiku-4-5_supports_streaming_responses.yml`,
    expected: { message: text('Äpfel\n漢字\n🦀'), finish: 'stop', usage: { inputTokens: 15, outputTokens: 9, reasoningTokens: 0 } },
  },
  {
    file: 'openrouter-chat-tools.sse',
    origin: `${ruby}/chat_function_calling_openrouter_claude-haiku-4-5_can_use_tools_with_multi-turn_streaming_conversations.yml`,
    expected: {
      message: { role: 'assistant', content: [call('toolu_bdrk_01C', 'weather', { latitude: '52.5', longitude: '13.4' })] },
      finish: 'tool-calls',
      usage: { inputTokens: 633, outputTokens: 75, reasoningTokens: 0 },
    },
  },
  {
    file: 'openrouter-chat-reasoning.sse',
    origin: `${ruby}/chat_openrouter_reasoning_details_round-trip_accumulates_reasoning_details_while_streaming_tool_calls.yml`,
    expected: {
      message: {
        role: 'assistant',
        content: [{ type: 'thinking', text: 'The user asks for Berlin.' }, call('toolu_bdrk_02C', 'weather', { city: 'Berlin' })],
        providerMetadata: {
          recorded: {
            model: 'recorded-1',
            reasoning_details: [{ type: 'reasoning.text', text: 'The user asks for Berlin.', ...claude, signature: 'c2ln' }],
          },
        },
      },
      finish: 'tool-calls',
      usage: { inputTokens: 626, outputTokens: 106, reasoningTokens: 54 },
    },
  },
  {
    file: 'openrouter-chat-reasoning-encrypted.sse',
    origin: `${pydantic}/test_openrouter/test_openrouter_stream_with_reasoning.yaml`,
    expected: {
      message: {
        ...text('I’m here'),
        providerMetadata: {
          recorded: {
            model: 'recorded-1',
            reasoning_details: [{ type: 'reasoning.encrypted', data: 'gAAAAB-short', id: 'rs_1', format: 'openai-responses-v1', index: 0 }],
          },
        },
      },
      finish: 'stop',
      usage: { inputTokens: 9, outputTokens: 104, reasoningTokens: 0 },
    },
  },
  {
    file: 'openrouter-chat-error-in-stream.sse',
    origin: `${pydantic}/test_openrouter/test_openrouter_stream_error.yaml`,
    expected: { code: 'provider-bad-request', says: 'Token limit reached', details: { status: 400 } },
  },
  {
    file: 'openrouter-chat-error-upstream.sse',
    origin: 'quoted in public tests, 2026',
    expected: { code: 'provider-rate-limit', says: 'temporarily rate-limited upstream', details: { providerCode: 'rate_limit_exceeded' } },
  },
  {
    file: 'openrouter-chat-error.json',
    origin: `${ruby}, openrouter, with too long a prompt`,
    status: 400,
    expected: { code: 'provider-context-overflow', says: 'maximum context length is 200000 tokens' },
  },
])
