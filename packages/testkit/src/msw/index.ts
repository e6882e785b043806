export type { Delivery, ModelAnswer, Protocol, ReceivedRequest, ScriptedError, ScriptedToolCall, SseFrame } from '../model-server/answer.ts'
export type { ModelServerOptions } from '../model-server/model-script.ts'
export type { AnswerFunction, AnswerOfScript, ScriptedModelAnswer } from '../model-server/scripted-answer.ts'
export { type HandlerFactory, ModelHandlers, type ModelHandlersOptions, modelHandlers } from './model-handlers.ts'
