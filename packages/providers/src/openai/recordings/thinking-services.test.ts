/** Recorded answers of DeepSeek, Kimi, Gemini and xAI. */
import { testRecordings } from '../../testing/recordings.ts'
import type { ChatDialectName } from '../dialects/dialect.ts'
import { OpenAiChatProvider } from '../openai-chat-provider.ts'

const ruby = 'github.com/crmne/ruby_llm at fb5a49b, spec/fixtures/vcr_cassettes'
const vercel = 'github.com/vercel/ai at ed857f5'

const make = (dialect: ChatDialectName) => (options: object) => new OpenAiChatProvider({ ...options, dialect })

const text = (said: string) => ({ role: 'assistant', content: [{ type: 'text', text: said }] }) as const
const call = (id: string, name: string, input: object) => ({ type: 'tool-call', id, name, input: input as never }) as const
const thought = (said: string) =>
  ({ type: 'thinking', text: said, providerMetadata: { recorded: { field: 'reasoning_content' } } }) as const
const signed = (signature: string) => ({ recorded: { extra_content: { google: { thought_signature: signature } } } })

testRecordings('DeepSeek', make('deepseek'), [
  {
    file: 'deepseek-chat-text.sse',
    origin: `${ruby}/chat_streaming_responses_deepseek_deepseek-chat_supports_streaming_responses.yml; the comment: api-docs.deepseek.com/quick_start/rate_limit`,
    expected: { message: text('Schön, 你好 🦀'), finish: 'stop', usage: { inputTokens: 11, outputTokens: 8 } },
  },
  {
    file: 'deepseek-chat-tools.sse',
    origin: `${ruby}/chat_function_calling_deepseek_deepseek-chat_can_use_tools_with_multi-turn_streaming_conversations.yml; two calls, as documented`,
    expected: {
      message: { role: 'assistant', content: [call('call_00_Ds1', 'weather', { lat: 52 }), call('call_01_Ds2', 'weather', { lat: 48 })] },
      finish: 'tool-calls',
      usage: { inputTokens: 348, outputTokens: 65 },
    },
  },
  {
    file: 'deepseek-chat-reasoning.sse',
    origin: `${vercel}, packages/deepseek/src/chat/__fixtures__/deepseek-tool-call.chunks.txt`,
    expected: {
      message: { role: 'assistant', content: [thought('The user wants 天気.'), call('call_00_Ds3', 'weather', { city: 'Köln' })] },
      finish: 'tool-calls',
      usage: { inputTokens: 19, outputTokens: 83, cacheReadTokens: 320, reasoningTokens: 39 },
    },
  },
  {
    file: 'deepseek-chat-error.json',
    origin: `${ruby}, deepseek, with too long a prompt`,
    status: 400,
    expected: { code: 'provider-context-overflow', says: '1048565 tokens' },
  },
  {
    file: 'deepseek-chat-error-balance.json',
    origin: 'logged by users, 2026',
    status: 402,
    expected: { code: 'provider-billing', says: 'Insufficient Balance' },
  },
  {
    file: 'deepseek-chat-error-in-stream.sse',
    origin: 'the finish reason: api-docs.deepseek.com, 2026; the chunks as in deepseek-chat-text.sse',
    expected: { code: 'provider-overloaded', details: { providerCode: 'insufficient_system_resource' } },
  },
])

testRecordings('Kimi', make('kimi'), [
  {
    file: 'kimi-chat-text.sse',
    origin: 'quoted from a real answer in a public test, 2025-11',
    expected: { message: text('Für 你 🦀'), finish: 'stop', usage: { inputTokens: 4796, outputTokens: 174 } },
  },
  {
    file: 'kimi-chat-tools.sse',
    origin: 'ids and their change under way: public tests, 2026; the rest as in kimi-chat-text.sse',
    expected: {
      message: {
        role: 'assistant',
        content: [call('functions.read:0', 'read', { path: 'a' }), call('functions.read:1', 'read', { path: 'b' })],
      },
      finish: 'tool-calls',
      usage: { inputTokens: 26, outputTokens: 40, cacheReadTokens: 64 },
    },
  },
  {
    file: 'kimi-chat-reasoning.sse',
    origin: `${vercel}, packages/moonshotai/src/__fixtures__/moonshotai-stream.chunks.txt, made by hand there`,
    expected: {
      message: { role: 'assistant', content: [thought('Thinking über 猫. '), { type: 'text', text: 'Hello!' }] },
      finish: 'stop',
      usage: { inputTokens: 9, outputTokens: 12, reasoningTokens: 7 },
    },
  },
  {
    file: 'kimi-chat-error.json',
    origin: 'reported by users of the service, 2026',
    status: 400,
    expected: { code: 'provider-context-overflow', says: 'exceeded model token limit' },
  },
  {
    file: 'kimi-chat-error-quota.json',
    origin: 'github.com/MoonshotAI/Kimi-K2/issues/5',
    status: 403,
    expected: { code: 'provider-billing', says: 'exceeded current quota' },
  },
])

testRecordings('Gemini', make('gemini'), [
  {
    file: 'gemini-chat-text.sse',
    origin: 'first chunk recorded in 2026-09, the end by analogy with gemini-chat-tools.sse',
    expected: { message: text('Ähm, 你好 🦀'), finish: 'stop', usage: { inputTokens: 3, outputTokens: 68, reasoningTokens: 66 } },
  },
  {
    file: 'gemini-chat-tools.sse',
    origin: 'quoted from real answers in public tests, 2026-03 and 2026-09',
    expected: {
      message: {
        role: 'assistant',
        content: [
          { ...call('call_297140', 'read', { path: '/a.md' }), providerMetadata: signed('c2lnLTE=') },
          call('call_38953', 'read', { path: '/b.md' }),
        ],
      },
      finish: 'tool-calls',
      usage: { inputTokens: 49_292, outputTokens: 34, reasoningTokens: 0 },
    },
  },
  {
    file: 'gemini-chat-reasoning.sse',
    origin: 'a recorded example of 2025-07; the end with usage and signature: github.com/coder/coder, tests of googleopenai',
    expected: {
      message: {
        role: 'assistant',
        content: [
          { type: 'thinking', text: '**Grüßen**\n\nA greeting: 你好.\n\n\n**Choosing**\n\nA reply.\n\n\n' },
          { type: 'text', text: '你好！' },
        ],
      },
      finish: 'stop',
      usage: { inputTokens: 16, outputTokens: 611, reasoningTokens: 602 },
    },
  },
  {
    file: 'gemini-chat-reasoning-tool.sse',
    origin: 'quoted from a log in a public test, 2026-07; it has no finish reason',
    expected: {
      message: {
        role: 'assistant',
        content: [
          { type: 'thinking', text: 'Okay, I look at the files.' },
          { ...call('6eic0cwq', 'list_files', { recursive: true }), providerMetadata: signed('c2lnLTI=') },
        ],
      },
      finish: 'tool-calls',
      usage: {},
    },
  },
  {
    file: 'gemini-chat-error.json',
    origin: `${ruby}, Google, with too long a prompt`,
    status: 400,
    expected: { code: 'provider-context-overflow', says: '1250074', details: { providerCode: 'INVALID_ARGUMENT' } },
  },
  {
    file: 'gemini-chat-error-key.json',
    origin: 'reported by users of the service, 2026',
    status: 400,
    expected: { code: 'provider-auth', says: 'API key not valid' },
  },
  {
    file: 'gemini-chat-error-rate.json',
    origin: 'reported by users of the service, 2026',
    status: 429,
    expected: { code: 'provider-rate-limit', says: 'Please retry in 21.69s' },
  },
  {
    file: 'gemini-chat-error-day.json',
    origin: 'reported by users of the service, 2026',
    status: 429,
    expected: { code: 'provider-billing', says: 'exceeded your current quota' },
  },
])

testRecordings('xAI', make('xai'), [
  {
    file: 'xai-chat-reasoning.sse',
    origin: `${vercel}, packages/xai/src/__fixtures__/xai-text.chunks.txt`,
    expected: {
      message: {
        role: 'assistant',
        content: [
          { type: 'thinking', text: 'First, the üser' },
          { type: 'text', text: 'Hello 漢字 🦀' },
        ],
      },
      finish: 'stop',
      usage: { inputTokens: 1, outputTokens: 291, cacheReadTokens: 11, reasoningTokens: 290 },
    },
  },
  {
    file: 'xai-chat-tools.sse',
    origin: `${vercel}, packages/xai/src/__fixtures__/xai-tool-call.chunks.txt`,
    expected: {
      message: {
        role: 'assistant',
        content: [{ type: 'thinking', text: 'First' }, call('call_55117580', 'weather', { location: 'San Francisco' })],
      },
      finish: 'tool-calls',
      usage: { inputTokens: 1, outputTokens: 222, cacheReadTokens: 290, reasoningTokens: 196 },
    },
  },
  {
    file: 'xai-chat-error.json',
    origin: `${ruby}, xai, with a wrong key`,
    status: 400,
    expected: { code: 'provider-auth', says: 'Incorrect API key' },
  },
  {
    file: 'xai-chat-error-overflow.json',
    origin: 'npm @earendil-works/pi-ai 1.5.2, dist/utils/overflow.js',
    status: 400,
    expected: { code: 'provider-context-overflow', says: 'maximum prompt length is 131072' },
  },
  {
    file: 'xai-chat-error-in-200.json',
    origin: 'github.com/vercel/ai/issues/10533',
    contentType: 'application/json',
    expected: { code: 'provider-overloaded', says: 'Timed out waiting' },
  },
  {
    file: 'xai-chat-error-credits.json',
    origin: 'reported by users of the service, 2026',
    status: 403,
    expected: { code: 'provider-billing', says: 'run out of credits' },
  },
])
