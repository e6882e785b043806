export type { Delivery, ModelAnswer, Protocol, ReceivedRequest, ScriptedError, ScriptedToolCall, SseFrame } from './answer.ts'
export { type ModelServerOptions, modelServerDefaults } from './model-script.ts'
export { ModelServer, startModelServer } from './model-server.ts'
export type { AnswerFunction, AnswerOfScript, ScriptedModelAnswer } from './scripted-answer.ts'
