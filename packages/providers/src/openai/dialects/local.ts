/** Servers that run on the user's own machine: no key, and models that only the user knows. A grammar holds a model to a schema of any type. */
import { merged } from '../openai-errors.ts'
import type { ChatDialect } from './dialect.ts'
import { generic } from './generic.ts'

/** Ollama, here and at ollama.com. github.com/ollama/ollama, openai/openai.go and middleware/openai.go (2026-08). */
export const ollama: ChatDialect = {
  ...generic,
  name: 'ollama',
  title: 'Ollama',
  hosts: /^(?:ollama\.com|(?:localhost|127\.0\.0\.1|\[::1\]):11434)$/,
  baseUrl: 'http://127.0.0.1:11434/v1',
  ownOrigin: 'https://ollama.com',
  variables: 'OLLAMA',
  levels: { ...generic.levels, off: { reasoning_effort: 'none' } },
  // `tool_choice` is not among the fields that are read.
  hasToolChoice: false,
  imageUrls: false,
  files: undefined,
  // The grammar of a schema keeps the model from calling a tool.
  json: { schema: true, object: true, withTools: false, anyRoot: true },
  errors: merged({ texts: [[/prompt is longer than the context length/i, 'provider-context-overflow']] }),
}

/** vLLM. github.com/vllm-project/vllm, vllm/entrypoints/openai/chat_completion/protocol.py, at 002032ee (2026-08). */
export const vllm: ChatDialect = {
  ...generic,
  name: 'vllm',
  title: 'vLLM',
  baseUrl: 'http://127.0.0.1:8000/v1',
  variables: 'VLLM',
  levels: { ...generic.levels, off: { reasoning_effort: 'none' } },
  json: { ...generic.json, anyRoot: true },
  errors: merged({
    texts: [[/is too large.{0,120}maximum context length/i, 'provider-context-overflow']],
    generic: { NotFoundError: 'provider-bad-request', InternalServerError: 'provider-server' },
  }),
}

/** LM Studio. github.com/lmstudio-ai/docs (2026-04), unless another source is named. */
export const lmstudio: ChatDialect = {
  ...generic,
  name: 'lmstudio',
  // lmstudio.ai/docs/developer/rest/endpoints: /v1/models tells ids alone. An unknown path has status 200 there, with an error in its body.
  modelList: '/../api/v0/models',
  title: 'LM Studio',
  hosts: /^(?:localhost|127\.0\.0\.1|\[::1\]):1234$/,
  baseUrl: 'http://127.0.0.1:1234/v1',
  variables: 'LMSTUDIO',
  levels: { ...generic.levels, off: { reasoning_effort: 'none' } },
  // "Supported string values: none, auto, required"
  namedChoice: 'only-tool',
  imageUrls: false,
  files: undefined,
  // "'response_format.type' must be 'json_schema' or 'text'" (0.4.20)
  json: { schema: true, object: false, withTools: true, anyRoot: true },
  // github.com/aaif-goose/goose/issues/11318 (0.4.21, 2026-08); github.com/lmstudio-ai/lmstudio-bug-tracker
  errors: merged({
    texts: [
      [/greater than the context length/i, 'provider-context-overflow'],
      [/does not fit in context length/i, 'provider-context-overflow'],
      [/keep the first \d+ tokens/i, 'provider-context-overflow'],
      [/reached context length of \d+ tokens/i, 'provider-context-overflow'],
      [/model has crashed/i, 'provider-server'],
      [/no models? loaded/i, 'provider-bad-request'],
    ],
  }),
}

/** llama.cpp's server. github.com/ggml-org/llama.cpp, tools/server/server-common.cpp, at 006639c3 (2026-08). */
export const llamaCpp: ChatDialect = {
  ...generic,
  name: 'llama-cpp',
  title: 'llama.cpp',
  baseUrl: 'http://127.0.0.1:8080/v1',
  variables: 'LLAMA_CPP',
  levels: { ...generic.levels, off: { chat_template_kwargs: { enable_thinking: false } } },
  // `tool_choice` is read as a string.
  namedChoice: 'only-tool',
  // "unsupported content[].type"
  files: undefined,
  json: { ...generic.json, anyRoot: true },
  errors: merged({
    specific: { unavailable_error: 'provider-overloaded' },
    texts: [[/exceeds? the available context size/i, 'provider-context-overflow']],
    generic: { not_supported_error: 'provider-bad-request', server_error: 'provider-server' },
  }),
}
