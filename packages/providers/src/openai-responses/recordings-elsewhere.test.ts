// Recorded answers of other services in OpenAI's protocol.
import type { HttpOptions } from '../shared/http-options.ts'
import { testRecordings } from '../testing/recordings.ts'
import { OpenAiResponsesProvider } from './openai-responses-provider.ts'
import { cityOf, clearThought, kept, message, seenIn, thought } from './testing/recorded-parts.ts'

const make = (options: HttpOptions): OpenAiResponsesProvider => new OpenAiResponsesProvider(options)

testRecordings('answers of Azure OpenAI', make, [
  {
    file: 'azure-responses-text.sse',
    origin: `${seenIn.ruby}/chat_responses_protocol_dialects_with_azure_gpt-5-nano_streams_responses.yml`,
    expected: {
      message: message(thought('rs_985fdb7f8dd571e54eca6752d856f85e9c2fe9d703057de480', 'gAAAAAB9Mi2APlGWcJIicS5quW3W'), {
        type: 'text',
        text: 'Grüezi 漢字.',
      }),
      finish: 'stop',
      usage: { inputTokens: 18, outputTokens: 120, reasoningTokens: 64 },
    },
  },
  {
    file: 'azure-responses-reasoning-tool.sse',
    origin: `${seenIn.vercel}/azure/src/__fixtures__/azure-reasoning-encrypted-content.1.chunks.txt`,
    expected: {
      message: message(
        thought('rs_c4d51a4e2f7d903ad951a15a5a2d78d341fd82acd0a637293a', 'gAAAAAB2QB3SrcHu3l9EA1TCchPd', '**Adding** ä'),
        cityOf('call_mmHlbdHddjgIa2UVyoozSeaq'),
      ),
      finish: 'tool-calls',
      usage: { inputTokens: 137, outputTokens: 28 },
    },
  },
  {
    file: 'azure-responses-error-key.json',
    status: 401,
    origin: `${seenIn.ruby}/chat_error_handling_with_azure_grok-4-1-fast-non-reasoning_raises_appropriate_auth_error.yml`,
    expected: { code: 'provider-auth', says: 'Access denied due to invalid subscription key' },
  },
  {
    file: 'azure-responses-error-rate.json',
    status: 429,
    headers: { 'retry-after': '1', 'retry-after-ms': '0' },
    origin: `${seenIn.ruby}/chat_real_error_scenarios_azure_grok-4-1-fast-non-reasoning_handles_context_length_exceeded_errors.yml`,
    expected: { code: 'provider-rate-limit', details: { providerCode: 'RateLimitReached' } },
  },
  {
    file: 'azure-responses-error-filter.json',
    status: 400,
    origin: 'learn.microsoft.com/azure/ai-services/openai/concepts/content-filter',
    expected: { code: 'provider-content-filter', says: 'content management policy' },
  },
])

testRecordings('answers of OpenRouter, DeepSeek and xAI in this protocol', make, [
  {
    // The reasoning ends after the text, and its place is before it.
    file: 'openrouter-responses-raw-reasoning.sse',
    origin: `${seenIn.pydantic}/test_openai_responses/test_openai_responses_raw_cot_stream_openrouter.yaml`,
    expected: {
      message: message(clearThought('rs_tmp_8p5bk0dkfhl', 'They ask 2+2; 四.'), { type: 'text', text: '4 🦀' }),
      finish: 'stop',
      usage: { inputTokens: 78, outputTokens: 37, reasoningTokens: 22 },
    },
  },
  {
    file: 'openrouter-responses-error-credit.json',
    status: 402,
    origin: 'developersdigest.tech/errors/api/openrouter, 2026',
    expected: { code: 'provider-billing', says: 'Insufficient credits', details: { providerCode: 'payment_required' } },
  },
  {
    file: 'deepseek-responses-text.sse',
    origin: `${seenIn.pydantic}/test_deepseek_responses/test_deepseek_responses[text_stream].yaml`,
    expected: {
      message: message(clearThought('0d2e4233-ab4e-1f8a-a9b8-2bc6ab6b5dba', 'We need 漢字.'), {
        type: 'text',
        text: 'Grüezi 🦀.',
        ...kept({ phase: 'final_answer' }),
      }),
      finish: 'stop',
      usage: { inputTokens: 90, outputTokens: 15, reasoningTokens: 7 },
    },
  },
  {
    file: 'deepseek-responses-tool.sse',
    origin: `${seenIn.pydantic}/test_deepseek_responses/test_deepseek_responses[function_tool_stream].yaml`,
    expected: {
      message: message(clearThought('13f56dda-2ca9-a2ac-3f21-e4314f6e8ae4', 'I call the tool.'), {
        ...cityOf('call_00_JqtTTjfjpoYEbvHCYFc9pIFG'),
        ...kept({ arguments: '{"city": "Zürich"}' }),
      }),
      finish: 'tool-calls',
      usage: { inputTokens: 110, cacheReadTokens: 256, outputTokens: 59, reasoningTokens: 14 },
    },
  },
  {
    file: 'deepseek-responses-error-overflow.json',
    status: 400,
    origin: `${seenIn.ruby}/chat_real_error_scenarios_deepseek_deepseek-chat_handles_context_length_exceeded_errors.yml`,
    expected: { code: 'provider-context-overflow', says: 'maximum context length is 1048565 tokens' },
  },
  {
    file: 'deepseek-responses-error-credit.json',
    status: 402,
    origin: 'api-docs.deepseek.com/quick_start/error_codes',
    expected: { code: 'provider-billing', says: 'Insufficient Balance' },
  },
  {
    file: 'xai-responses-text.sse',
    origin: `${seenIn.ruby}/chat_streaming_responses_xai_grok-4-1-fast-non-reasoning_supports_streaming_responses.yml`,
    expected: {
      message: message(thought('rs_f0709d39-c5a6-d2e5-54cc-7632573018ac', 'neuBmrlpvzTZFLLVx3gqcwJJrLFYHy==', 'The user counts.\n'), {
        type: 'text',
        text: '1, 2 🦀',
      }),
      finish: 'stop',
      usage: { inputTokens: 71, cacheReadTokens: 128, outputTokens: 160, reasoningTokens: 152 },
    },
  },
  {
    file: 'xai-responses-tool.sse',
    origin: `${seenIn.ruby}/chat_function_calling_xai_grok-4-1-fast-non-reasoning_can_use_tools_with_multi-turn_streaming_conversations.yml`,
    expected: {
      message: message(
        thought('rs_1140550f-a65e-7ce6-873b-9835a0fd2809', 'ZjvShkJsKsP3L32bwvZE7OLWQsd4o1==', 'The user asks for 漢字\n'),
        cityOf('call-87aeaa94-2274-fd2d-25da-51ac361e94cb-0'),
      ),
      finish: 'tool-calls',
      usage: { inputTokens: 20, cacheReadTokens: 320, outputTokens: 105, reasoningTokens: 83 },
    },
  },
  {
    file: 'xai-responses-error-key.json',
    status: 400,
    origin: `${seenIn.ruby}/chat_error_handling_with_xai_grok-4-1-fast-non-reasoning_raises_appropriate_auth_error.yml`,
    expected: { code: 'provider-auth', says: 'Incorrect API key provided.', details: { providerCode: 'invalid-argument' } },
  },
  {
    file: 'xai-responses-error-overflow.json',
    status: 400,
    origin: 'npm @earendil-works/pi-ai 1.5.2, dist/utils/overflow.js',
    expected: { code: 'provider-context-overflow', says: 'maximum prompt length is 131072' },
  },
  {
    file: 'xai-responses-error-unavailable.json',
    contentType: 'application/json',
    origin: 'github.com/vercel/ai/issues/10533',
    expected: { code: 'provider-overloaded', says: 'Timed out waiting for first token' },
  },
])
