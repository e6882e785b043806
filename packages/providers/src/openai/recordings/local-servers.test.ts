/** Recorded answers of servers that run on one's own machine, and of some that no dialect is for. */
import { testRecordings } from '../../testing/recordings.ts'
import type { ChatDialectName } from '../dialects/dialect.ts'
import { OpenAiChatProvider } from '../openai-chat-provider.ts'

const pydantic = 'github.com/pydantic/pydantic-ai at 4fda389, tests/models/cassettes'
const ruby = 'github.com/crmne/ruby_llm at fb5a49b, spec/fixtures/vcr_cassettes'
const llama = 'quoted from a real server in a public repository, b10202, 2026-08'

const make = (dialect: ChatDialectName) => (options: object) => new OpenAiChatProvider({ ...options, dialect })

const text = (said: string) => ({ role: 'assistant', content: [{ type: 'text', text: said }] }) as const
const calling = (id: string, name: string, input: object) =>
  ({ role: 'assistant', content: [{ type: 'tool-call', id, name, input: input as never }] }) as const

testRecordings('vLLM', make('vllm'), [
  {
    file: 'vllm-chat-text.sse',
    origin: `${pydantic}/test_crusoe/test_crusoe_model_streaming.yaml (vLLM 0.24.0)`,
    expected: { message: text('1, zwölf 漢 🦀'), finish: 'stop', usage: { inputTokens: 46, outputTokens: 14 } },
  },
  {
    file: 'vllm-chat-tools.sse',
    origin: 'quoted from a real server in a public repository, 2025-04',
    expected: { message: calling('chatcmpl-tool-ca99', 'run_command', { command: 'ls' }), finish: 'tool-calls', usage: {} },
  },
  {
    file: 'vllm-chat-reasoning.sse',
    origin: 'github.com/vllm-project/vllm/issues/29408; both fields hold the same',
    expected: {
      message: {
        role: 'assistant',
        content: [
          { type: 'thinking', text: '好的' },
          { type: 'text', text: '，用户' },
        ],
      },
      finish: 'stop',
      usage: {},
    },
  },
  {
    file: 'vllm-chat-error.json',
    origin: 'github.com/vllm-project/vllm at 002032ee, vllm/entrypoints',
    status: 400,
    expected: { code: 'provider-context-overflow', says: '32768 tokens' },
  },
  {
    file: 'vllm-chat-error-old.json',
    origin: 'vLLM before 0.10',
    status: 404,
    expected: { code: 'provider-bad-request', says: 'does not exist' },
  },
  {
    file: 'vllm-chat-error-in-stream.sse',
    origin: 'github.com/BerriAI/litellm/issues/40578, github.com/vllm-project/vllm at 002032ee',
    expected: { code: 'provider-server', says: 'EngineCore' },
  },
])

testRecordings('LM Studio', make('lmstudio'), [
  {
    file: 'lmstudio-chat-tools.sse',
    origin: 'github.com/lmstudio-ai/docs (2026-04); the envelope by analogy',
    expected: { message: calling('814890118', 'weather', { location: 'Zürich 漢 🦀' }), finish: 'tool-calls', usage: {} },
  },
  {
    file: 'lmstudio-chat-error-in-stream.sse',
    origin: 'github.com/aaif-goose/goose/issues/11318 (0.4.21)',
    expected: { code: 'provider-context-overflow', says: 'does not fit in context length' },
  },
  {
    file: 'lmstudio-chat-error.json',
    origin: 'reported by users, 2026-04',
    status: 400,
    expected: { code: 'provider-context-overflow', says: 'n_keep: 13055' },
  },
  {
    file: 'lmstudio-chat-error-wrapped.json',
    origin: 'reported by users, 2026-10',
    status: 400,
    expected: { code: 'provider-context-overflow', says: 'exceeds the available context size' },
  },
])

testRecordings('llama.cpp', make('llama-cpp'), [
  { file: 'llama-cpp-chat-text.sse', origin: llama, expected: { message: text('Natürlich! 漢字 🦀'), finish: 'stop', usage: {} } },
  {
    file: 'llama-cpp-chat-tools.sse',
    origin: llama,
    expected: { message: calling('ULfexkLUbv3T2kd7jgLQtIgzXc0zwxs9', 'record', { value: '42' }), finish: 'tool-calls', usage: {} },
  },
  {
    file: 'llama-cpp-chat-reasoning.sse',
    origin: llama,
    expected: {
      message: { role: 'assistant', content: [{ type: 'thinking', text: 'Analyße' }] },
      finish: 'length',
      usage: { inputTokens: 4, outputTokens: 10, cacheReadTokens: 9 },
    },
  },
  {
    file: 'llama-cpp-chat-error.json',
    origin: 'github.com/ggml-org/llama.cpp at 006639c3, tools/server/server-task.cpp',
    status: 400,
    expected: { code: 'provider-context-overflow', details: { providerCode: 'exceed_context_size_error' } },
  },
  {
    file: 'llama-cpp-chat-error-field.sse',
    origin: 'github.com/coddy-project/coddy-agent/issues/106 (b5966)',
    expected: { code: 'provider-context-overflow', says: 'available context size' },
  },
])

testRecordings('A server that no dialect is for', make('generic'), [
  {
    file: 'generic-chat-no-done.sse',
    origin: `${ruby}/chat_streaming_responses_gpustack_qwen3_supports_streaming_responses.yml`,
    expected: {
      message: {
        role: 'assistant',
        content: [
          { type: 'thinking', text: '\nOkay' },
          { type: 'text', text: '\n\n1, zwölf 漢 🦀' },
        ],
      },
      finish: 'stop',
      usage: { inputTokens: 15, outputTokens: 171, reasoningTokens: 160 },
    },
  },
  {
    file: 'generic-chat-tools.sse',
    origin: 'github.com/vercel/ai at ed857f5, packages/alibaba/src/__fixtures__/alibaba-tool-call.chunks.txt',
    expected: {
      message: calling('call_q1', 'weather', { location: 'San Francisco' }),
      finish: 'tool-calls',
      usage: { inputTokens: 295, outputTokens: 22 },
    },
  },
  {
    file: 'generic-chat-error-field.sse',
    origin: `${ruby}/chat_with_extended_thinking_gpustack_qwen3_streams_thinking_content_when_available.yml`,
    expected: { code: 'provider-server', says: 'failed to decode' },
  },
])
