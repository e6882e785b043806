// Recorded answers of OpenAI and of GitHub Copilot.
import type { HttpOptions } from '../shared/http-options.ts'
import { testRecordings } from '../testing/recordings.ts'
import { OpenAiResponsesProvider } from './openai-responses-provider.ts'
import { cityOf, kept, message, seenIn, thought } from './testing/recorded-parts.ts'

const make = (options: HttpOptions): OpenAiResponsesProvider => new OpenAiResponsesProvider(options)

testRecordings('answers of OpenAI', make, [
  {
    file: 'openai-responses-text.sse',
    origin: `${seenIn.ruby}/chat_streaming_responses_openai_gpt-5-nano_reports_consistent_token_counts_compared_to_non-streaming.yml`,
    expected: {
      message: message({ type: 'text', text: 'Grüezi, 漢字 🦀!' }),
      finish: 'stop',
      usage: { inputTokens: 14, outputTokens: 8 },
    },
  },
  {
    file: 'openai-responses-phase-tool.sse',
    origin: `${seenIn.pydantic}/test_openai_responses/test_openai_responses_phase_streamed_on_part_start.yaml`,
    expected: {
      message: message(
        thought('rs_5b9dc1974f4f4fc6192688a9ceaecd2cd7ac8fb97ae2050cd3', 'gAAAAABP1vGAnrRD1Aynhgx5T86G'),
        { type: 'text', text: 'I’ll look it up: 漢字.', ...kept({ phase: 'commentary' }) },
        cityOf('call_BKAeCwaomMbBeP8DHzfGdKw2'),
      ),
      finish: 'tool-calls',
      usage: { inputTokens: 63, outputTokens: 69, reasoningTokens: 26 },
    },
  },
  {
    file: 'openai-responses-tools.json',
    contentType: 'application/json',
    origin: `${seenIn.ruby}/chat_function_calling_openai_gpt-5-nano_can_use_parallel_tool_calls.yml`,
    expected: {
      message: message(
        thought('rs_c57a91e5604a8a62b72f6df8b7799de2c8e7b423c4ab9f08f7', 'gAAAAABbtAzlJSYH7P2fDvIaqYhn'),
        cityOf('call_d4bZLbX0bdUDcqTq9wOP7z2x'),
        { type: 'tool-call', id: 'call_kjpGaQZaTml9imGvVKgHTHeV', name: 'weather', input: {} },
      ),
      finish: 'tool-calls',
      usage: { inputTokens: 112, outputTokens: 284, reasoningTokens: 192 },
    },
  },
  {
    file: 'openai-responses-reasoning.sse',
    origin: `${seenIn.pydantic}/test_openai_responses/test_openai_responses_thinking_part_iter.yaml`,
    expected: {
      message: message(
        thought(
          'rs_c902980fa89e6fd94bcb623672f982af76ab9da74e8db8ac',
          'gAAAAABgLlqexSIyypMHwzbbljUU',
          '**Counting crabs**\n\nOne 🦀.',
          '**Answering**',
        ),
        { type: 'text', text: 'There is one 🦀.' },
      ),
      finish: 'stop',
      usage: { inputTokens: 13, outputTokens: 1680, reasoningTokens: 1408 },
    },
  },
  {
    file: 'openai-responses-web-search.sse',
    origin: `${seenIn.pydantic}/test_openai_responses/test_openai_responses_model_web_search_tool_stream.yaml`,
    expected: {
      message: message(
        thought('rs_adf652eda9580cded240b3e97607178b93b64b20d67c833eef', 'gAAAAABqudGlxKMWanAK1KdTuF9Q'),
        {
          type: 'custom',
          kind: 'web_search_call',
          ...kept({
            item: {
              id: 'ws_4f038d71e15cce587574ecb63a68209806f7103cd3726ca882',
              type: 'web_search_call',
              status: 'completed',
              action: { type: 'search', query: 'weather: Zürich', sources: [{ type: 'api', name: 'city_of' }] },
            },
          }),
        },
        thought('rs_97488d03b77ce72d3d9c032456505baadf06eabf02dccb2791', 'gAAAAABCqzgvVnvoFClDzq3ggT1k'),
        { type: 'text', text: 'In Zürich it rains.' },
      ),
      finish: 'stop',
      usage: { inputTokens: 1143, cacheReadTokens: 8320, outputTokens: 582, reasoningTokens: 512 },
    },
  },
  {
    file: 'openai-responses-mcp.sse',
    origin: `${seenIn.pydantic}/test_openai_responses/test_openai_responses_model_mcp_server_tool_stream.yaml`,
    expected: {
      message: message(
        {
          type: 'custom',
          kind: 'mcp_list_tools',
          ...kept({
            item: {
              id: 'mcpl_7a2083ecda8265aab01f74fedd000bf7fc789e5b1986ae4845',
              type: 'mcp_list_tools',
              server_label: 'cities',
              tools: [
                {
                  annotations: { read_only: false },
                  description: 'Looks a city up.',
                  input_schema: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
                  name: 'city_of',
                },
              ],
            },
          }),
        },
        thought('rs_d0a8c5f3cc2833ae652a44110c765e7c157425cc59df4faf50', 'gAAAAABI4WF43qONXbYJZ94lBD9b'),
        {
          type: 'custom',
          kind: 'mcp_call',
          ...kept({
            item: {
              id: 'mcp_81a81e4d6768eb9c2360b524f8a32ed979bafae451d4e825e4',
              type: 'mcp_call',
              status: 'completed',
              approval_request_id: null,
              arguments: '{"city":"Zürich"}',
              error: null,
              name: 'city_of',
              output: 'Zürich 🦀',
              server_label: 'cities',
            },
          }),
        },
        thought('rs_020d46a303962ac97b4dcde33ed62c827ce30dac2885c000c8', 'gAAAAAB08CksIm0bdcQzmbKifhV8'),
        { type: 'text', text: 'It is in ä.' },
      ),
      finish: 'stop',
      usage: { inputTokens: 1401, outputTokens: 480, reasoningTokens: 256 },
    },
  },
  {
    // Every event has another id, and the reasoning is not encrypted: there is nothing to send back.
    file: 'openai-responses-id-rotation.sse',
    origin: `${seenIn.vercel}/openai/src/responses/__fixtures__/github-copilot-id-rotation.1.chunks.txt`,
    expected: {
      message: message(
        { type: 'thinking', text: '**Counting** 漢字' },
        { type: 'text', text: 'There are **2**.', ...kept({ phase: 'final_answer' }) },
      ),
      finish: 'stop',
      usage: { inputTokens: 19, outputTokens: 105, reasoningTokens: 44 },
    },
  },
])

testRecordings('refusals of OpenAI', make, [
  {
    file: 'openai-responses-error-quota.sse',
    origin: `${seenIn.vercel}/openai/src/responses/__fixtures__/openai-error.1.chunks.txt`,
    expected: {
      code: 'provider-billing',
      says: 'reported an error in its stream: You exceeded your current quota (ä 漢字 🦀).',
      details: { providerCode: 'insufficient_quota' },
    },
  },
  {
    file: 'openai-responses-error-overflow.json',
    status: 400,
    origin: `${seenIn.ruby}/chat_real_error_scenarios_openai_gpt-5-nano_handles_context_length_exceeded_errors.yml`,
    expected: { code: 'provider-context-overflow', says: 'exceeds the context window', details: { status: 400 } },
  },
  {
    file: 'openai-responses-error-model.json',
    status: 400,
    origin:
      'github.com/pydantic/pydantic-ai, tests/cassettes/test_model_name_suggestions/test_model_name_suggestion[openai-responses].yaml',
    expected: { code: 'provider-bad-request', says: "The requested model 'recorded-1 🦀' does not exist." },
  },
  {
    file: 'openai-responses-error-key.json',
    status: 401,
    headers: { 'www-authenticate': 'Bearer realm="OpenAI API"' },
    origin: `${seenIn.ruby}/chat_error_handling_with_openai_gpt-5-nano_raises_appropriate_auth_error.yml`,
    expected: { code: 'provider-auth', details: { providerCode: 'invalid_api_key' } },
  },
  {
    file: 'openai-responses-error-encrypted.json',
    status: 400,
    origin: 'github.com/openai/codex/issues/8145',
    expected: { code: 'provider-bad-request', says: 'give the option "service" of the provider a new name' },
  },
])
