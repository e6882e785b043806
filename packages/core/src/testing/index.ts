/** What tests of programs on core need: a clock that stands still, and a model that answers from a script. */

export { flushEventLoop, ManualClock } from './manual-clock.ts'
export { killPart, partTree } from './parts.ts'
export {
  type AnswerFunction,
  type CollectedAnswer,
  collectAnswer,
  type ScriptedAnswer,
  type ScriptedCall,
  type ScriptedFunction,
  ScriptedProvider,
  type ScriptedProviderOptions,
  textAnswer,
  textRequest,
  toolAnswer,
} from './scripted-provider.ts'
