export type { Delivery, Frame, ModelAnswer, Protocol, ReceivedRequest, ScriptedError, ScriptedToolCall } from './answer.ts'
export { type AnswerFunction, ModelServer, type ModelServerOptions, modelServerDefaults, startModelServer } from './model-server.ts'
