/** The dialect of servers that nothing more is known about: OpenAI's protocol, as nearly all of them take it. */
import { openAiErrorCodes } from '../openai-errors.ts'
import type { ChatDialect } from './dialect.ts'

/** Other dialects are this one with differences. */
export const generic: ChatDialect = {
  name: 'generic',
  title: 'The model server',
  hosts: undefined,
  baseUrl: undefined,
  ownOrigin: undefined,
  variables: 'OPENAI',
  keyHeader: 'authorization',
  maxTokensField: 'max_tokens',
  includeUsage: true,
  userField: 'user',
  levels: { low: { reasoning_effort: 'low' }, medium: { reasoning_effort: 'medium' }, high: { reasoning_effort: 'high' } },
  models: [],
  reasoning: { in: 'nothing' },
  namedChoice: 'object',
  hasToolChoice: true,
  sendsAuto: true,
  forcedWhileThinking: 'any',
  images: true,
  imageUrls: true,
  files: 'file',
  // developers.openai.com/api/docs/guides/file-inputs (2026-11): no addresses over Chat Completions
  fileUrls: 'none',
  // developers.openai.com/api/docs/guides/structured-outputs (2026): the root must be an object
  json: { schema: true, object: true, withTools: true, anyRoot: false },
  saysJson: false,
  callIds: 'any',
  reasoningTokens: 'inside',
  hasFlaggedThoughts: false,
  errors: openAiErrorCodes,
}
