// What the Messages API was recorded to answer, cut in four ways. Origins: the recordings of pydantic-ai (tests/models/cassettes) and ruby_llm
// (spec/fixtures/vcr_cassettes), the fixtures of vercel/ai (packages/anthropic/src/__fixtures__), all of August 2026; texts and ids are replaced.
import { type Recording, testRecordings } from '../testing/recordings.ts'
import { AnthropicProvider } from './anthropic-provider.ts'

const signed = (signature: string) => ({ providerMetadata: { recorded: { signature } } }) as const
const block = (kind: string, rest: object) =>
  ({ type: 'custom', kind, providerMetadata: { recorded: { block: { type: kind, ...rest } } } }) as never

const recordings: readonly Recording[] = [
  {
    file: 'anthropic-text.sse',
    origin: 'ruby_llm chat_streaming_responses_anthropic_claude-haiku-4-5; cache figures of pydantic-ai test_anthropic',
    expected: {
      message: { role: 'assistant', content: [{ type: 'text', text: 'Grüße aus 東京 🦀.' }] },
      finish: 'stop',
      usage: { inputTokens: 10, outputTokens: 9, cacheWriteTokens: 7_351, longCacheWriteTokens: 7_351 },
    },
  },
  {
    file: 'anthropic-tools.sse',
    origin:
      'ruby_llm chat_function_calling_anthropic_claude-haiku-4-5 (multi-turn, without parameters); thinking between calls as in pydantic-ai tool_with_thinking',
    expected: {
      message: {
        role: 'assistant',
        content: [
          { type: 'thinking', text: 'Two cities: Zürich first.', ...signed('ErsNCpMBfirst==') },
          { type: 'tool-call', id: 'toolu_01A', name: 'weather', input: { city: 'Zürich' } },
          { type: 'thinking', text: '', ...signed('ErsNCpMBsecond==') },
          { type: 'tool-call', id: 'toolu_01B', name: 'now', input: {} },
        ],
      },
      finish: 'tool-calls',
      usage: { inputTokens: 633, outputTokens: 75, reasoningTokens: 21 },
    },
  },
  {
    file: 'anthropic-reasoning.sse',
    origin:
      'ruby_llm chat_with_extended_thinking_anthropic_claude-haiku-4-5; pydantic-ai test_anthropic_model_thinking_part_redacted_stream',
    expected: {
      message: {
        role: 'assistant',
        content: [
          { type: 'thinking', text: '', providerMetadata: { recorded: { redacted: 'EqkECkYIclosed==' } } },
          { type: 'thinking', text: 'A mirror — 鏡.', ...signed('ErsNCpMBfirst==') },
          { type: 'text', text: 'I would ask it that.' },
        ],
      },
      finish: 'stop',
      usage: { inputTokens: 80, outputTokens: 638, reasoningTokens: 353 },
    },
  },
  {
    file: 'anthropic-server-tools.sse',
    origin: 'ruby_llm chat_web_search_with_anthropic_claude-haiku-4-5_streams_search_turns',
    expected: {
      message: {
        role: 'assistant',
        content: [
          { type: 'text', text: 'I look.' },
          block('server_tool_use', { id: 'srvtoolu_01A', name: 'web_search', input: { query: 'Lübeck' } }),
          block('web_search_tool_result', {
            tool_use_id: 'srvtoolu_01A',
            content: [
              {
                type: 'web_search_result',
                title: 'Lübeck',
                url: 'https://example.com/a',
                encrypted_content: 'EqgCclosed==',
                page_age: null,
              },
            ],
          }),
          {
            type: 'text',
            text: 'It is a town',
            providerMetadata: {
              recorded: {
                citations: [
                  {
                    type: 'web_search_result_location',
                    cited_text: 'A town',
                    url: 'https://example.com/a',
                    title: 'Lübeck',
                    encrypted_index: 'Eo8Bindex==',
                  },
                ],
              },
            },
          },
          { type: 'text', text: ' by the sea.' },
        ],
      },
      finish: 'stop',
      usage: { inputTokens: 404_500, outputTokens: 120 },
    },
  },
  {
    file: 'anthropic-refusal.sse',
    origin: 'vercel/ai anthropic-refusal.chunks.txt; platform.claude.com/docs/en/build-with-claude/refusals',
    expected: {
      message: {
        role: 'assistant',
        content: [],
        providerMetadata: {
          recorded: {
            stopDetails: {
              type: 'refusal',
              category: 'cyber',
              explanation: 'This request was refused.',
              recommended_model: 'claude-opus-5',
            },
          },
        },
      },
      finish: 'content-filter',
      usage: { inputTokens: 18, outputTokens: 5 },
    },
  },
  {
    file: 'anthropic-cut.sse',
    origin:
      'the pieces of ruby_llm chat_function_calling_anthropic; platform.claude.com/docs/en/agents-and-tools/tool-use/fine-grained-tool-streaming',
    expected: {
      message: { role: 'assistant', content: [{ type: 'text', text: 'So' }] },
      finish: 'length',
      usage: { inputTokens: 30, outputTokens: 20 },
    },
  },
  {
    file: 'anthropic-no-room.sse',
    origin: 'platform.claude.com/docs/en/build-with-claude/handling-stop-reasons: model_context_window_exceeded',
    expected: { code: 'provider-context-overflow', says: 'no room for an answer' },
  },
  {
    file: 'anthropic-second-start.sse',
    origin: 'vercel/ai duplicate-message-start.chunks.txt',
    expected: { code: 'provider-protocol', says: 'a second answer began' },
  },
  {
    file: 'anthropic-error-in-stream.sse',
    origin: 'platform.claude.com/docs/en/build-with-claude/streaming#error-events',
    expected: { code: 'provider-overloaded', says: 'Overloaded' },
  },
  {
    file: 'anthropic-error.json',
    origin: 'pydantic-ai test_anthropic (wrong key)',
    status: 401,
    expected: { code: 'provider-auth', details: { status: 401, requestId: 'req_011abc' } },
  },
  {
    file: 'anthropic-overflow.json',
    origin: 'pydantic-ai test_anthropic (prompt that is too long)',
    status: 400,
    expected: { code: 'provider-context-overflow', details: { status: 400 } },
  },
  {
    file: 'anthropic-unknown-model.json',
    origin: 'pydantic-ai test_anthropic (unknown model)',
    status: 404,
    expected: { code: 'provider-bad-request', says: 'claude-sonet-4-5' },
  },
]

testRecordings('the Messages API', (options) => new AnthropicProvider(options), recordings)
