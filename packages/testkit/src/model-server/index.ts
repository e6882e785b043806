export type { Delivery, ModelAnswer, Protocol, ReceivedRequest, ScriptedError, ScriptedToolCall, SseFrame } from './answer.ts'
export { type AnswerFunction, ModelServer, type ModelServerOptions, modelServerDefaults, startModelServer } from './model-server.ts'
